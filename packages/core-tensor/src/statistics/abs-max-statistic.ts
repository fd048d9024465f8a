import type { NumberArray } from '../tensor/convert.ts'
import { Tensor } from '../tensor/tensor.ts'
import { ColumnStatistic } from './column-statistic.ts'

/**
 * The largest magnitude of every column among the samples that enter a layer.
 *
 * Use it for methods that scale columns: SmoothQuant, static activation quantisation. It holds
 * 8·columns bytes; where columns interact take `GramStatistic`.
 *
 * Exact: the same for every grouping and order of batches and merges.
 *
 * @example
 * const statistic = new AbsMaxStatistic(2)
 * statistic.add(new Tensor('float32', [1, -2, -3, 0.5], [2, 2]))
 * statistic.value.data // => Float64Array [3, 2]
 */
export class AbsMaxStatistic extends ColumnStatistic {
  protected override readonly savedAs = 'absMax'

  /** (columns) float64; it grows with every batch, so copy it to keep a state. */
  override get value(): Tensor {
    return new Tensor('float64', this.totals, [this.columns])
  }

  protected override addRows(rows: NumberArray): void {
    const { totals, columns } = this
    for (let at = 0; at < rows.length; at += columns) {
      for (let j = 0; j < columns; j++) totals[j] = Math.max(totals[j]!, Math.abs(rows[at + j]!))
    }
  }

  protected override addTotals(totals: Float64Array): void {
    this.addRows(totals)
  }
}
