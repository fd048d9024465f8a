import type { NumberArray } from '../tensor/convert.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ColumnStatistic } from './column-statistic.ts'

/**
 * The mean square of every column among the samples that enter a layer: the diagonal of the Gram
 * matrix over the number of samples, in 8·columns bytes.
 *
 * Use it for scores and weighted roundings that take columns one by one: Wanda (Sun et al., 2023,
 * arXiv:2306.11695), importance matrices. Where columns interact take `GramStatistic`.
 *
 * Sums run in float64 over samples in their order: the grouping of batches does not matter, the order
 * of samples and merges only by float64 rounding.
 *
 * @example
 * const statistic = new MeanSquareStatistic(2)
 * statistic.add(new Tensor('float32', [1, -2, -3, 0.5], [2, 2]))
 * statistic.value.data // => Float64Array [5, 2.125]
 */
export class MeanSquareStatistic extends ColumnStatistic {
  protected override readonly savedAs = 'sumSquares'

  /** (columns) float64; zeros of no samples. */
  override get value(): Tensor {
    return this.means()
  }

  protected override addRows(rows: NumberArray): void {
    const { totals, columns } = this
    for (let at = 0; at < rows.length; at += columns) {
      for (let j = 0; j < columns; j++) totals[j]! += rows[at + j]! ** 2
    }
  }

  protected override addTotals(totals: Float64Array): void {
    for (let j = 0; j < totals.length; j++) this.totals[j]! += totals[j]!
  }
}
