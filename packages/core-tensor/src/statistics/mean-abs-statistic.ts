import type { NumberArray } from '../tensor/convert.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ColumnStatistic } from './column-statistic.ts'

/**
 * The mean magnitude of every column among the samples that enter a layer.
 *
 * Use it for methods that weigh columns by how large they usually are: AWQ (Lin et al., 2023,
 * arXiv:2306.00978). One large sample hardly moves it; for bounds take `AbsMaxStatistic`, for squared
 * errors `MeanSquareStatistic`. It holds 8·columns bytes.
 *
 * Sums run in float64 over samples in their order: the grouping of batches does not matter, the order
 * of samples and merges only by float64 rounding.
 *
 * @example
 * const statistic = new MeanAbsStatistic(2)
 * statistic.add(new Tensor('float32', [1, -2, -3, 0.5], [2, 2]))
 * statistic.value.data // => Float64Array [2, 1.25]
 */
export class MeanAbsStatistic extends ColumnStatistic {
  protected override readonly savedAs = 'sumAbs'

  /** (columns) float64; zeros of no samples. */
  override get value(): Tensor {
    return this.means()
  }

  protected override addRows(rows: NumberArray): void {
    const { totals, columns } = this
    for (let at = 0; at < rows.length; at += columns) {
      for (let j = 0; j < columns; j++) totals[j]! += Math.abs(rows[at + j]!)
    }
  }

  protected override addTotals(totals: Float64Array): void {
    this.addRows(totals)
  }
}
