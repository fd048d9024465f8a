import { FormatError } from '../errors.ts'
import { type NumberArray, numbersOf } from '../tensor/convert.ts'
import { sizeOf } from '../tensor/dims.ts'
import { Tensor, type TensorLike } from '../tensor/tensor.ts'
import { saveCount, saved, savedCount } from './saved.ts'
import { onHost, requireSameColumns, type Statistic, samplesOf } from './statistic.ts'

/** A statistic of one float64 number ≥ 0 for each column, which every sample adds to. */
export abstract class ColumnStatistic implements Statistic {
  readonly columns: number
  /** (columns) */
  protected readonly totals: Float64Array
  #count = 0

  /** @throws {ShapeError} when `columns` is not a whole number ≥ 0 */
  constructor(columns: number) {
    this.totals = new Float64Array(sizeOf([columns], 'statistics'))
    this.columns = columns
  }

  /**
   * A statistic from what `toTensors` gave.
   *
   * @throws {FormatError} when they are not a float64 vector of numbers ≥ 0 and a count
   */
  static fromTensors<S extends ColumnStatistic>(
    this: new (
      columns: number,
    ) => S,
    tensors: Record<string, TensorLike>,
  ): S {
    const { savedAs } = new this(0)
    const totals = saved(tensors, savedAs)
    const values = totals.data as Float64Array
    if (totals.dims.length !== 1 || values.some(value => value < 0)) {
      throw new FormatError(
        `[statistics] expected ${savedAs} to be a vector of numbers ≥ 0, got [${totals.dims}]`,
      )
    }
    const statistic = new this(values.length)
    statistic.totals.set(values)
    statistic.#count = savedCount(tensors)
    return statistic
  }

  /** What the totals are called among saved tensors. */
  protected abstract readonly savedAs: string

  /** Adds every row of (samples, columns), one after the other. */
  protected abstract addRows(rows: NumberArray): void

  /** Adds the totals of another one. */
  protected abstract addTotals(totals: Float64Array): void

  /** (columns) float64 */
  abstract get value(): Tensor

  get count(): number {
    return this.#count
  }

  /**
   * @param x  (…, columns)
   * @throws {NumericalError} when an element is NaN or infinite
   * @throws {ShapeError} when the last dimension is not `columns`
   */
  add(x: TensorLike): void {
    const samples = samplesOf(x, this.columns, `statistics/${this.savedAs}`)
    this.addRows(numbersOf(samples))
    this.#count += samples.dims[0]!
  }

  async collect(x: Tensor): Promise<void> {
    const batch = onHost(x)
    this.add(batch instanceof Promise ? await batch : batch)
  }

  /** @throws {ShapeError} when the other one has other columns */
  merge(other: this): this {
    requireSameColumns(this, other, `statistics/${this.savedAs}`)
    this.addTotals(other.totals)
    this.#count += other.count
    return this
  }

  toTensors(): Record<string, Tensor> {
    const totals = new Tensor('float64', this.totals, [this.columns])
    return { [this.savedAs]: totals, count: saveCount(this.#count) }
  }

  /** (columns) the totals over the number of samples; zeros of none. */
  protected means(): Tensor {
    const means = this.totals.map(total => (this.#count === 0 ? 0 : total / this.#count))
    return new Tensor('float64', means, [this.columns])
  }
}
