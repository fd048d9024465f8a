import type { Device } from '../device/device.ts'
import { reference } from '../device/reference-device.ts'
import { FormatError } from '../errors.ts'
import { binary } from '../reference/binary.ts'
import { reduce } from '../reference/reduce.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { saveCount, saved, savedCount } from './saved.ts'
import { requireSameColumns, type Statistic, samplesOf } from './statistic.ts'

/**
 * The largest magnitude of every column among the samples that enter a layer.
 *
 * Use it for methods that scale columns: SmoothQuant, static activation quantisation. It holds
 * 8·columns bytes; where columns interact take {@link GramStatistic}.
 *
 * Exact: the same for every grouping and order of batches and merges.
 *
 * @example
 * const statistic = new AbsMaxStatistic(2)
 * statistic.add(new Tensor('float32', [1, -2, -3, 0.5], [2, 2]))
 * statistic.absMax.data // => Float64Array [3, 2]
 */
export class AbsMaxStatistic implements Statistic {
  readonly columns: number
  /** (columns) float64; it grows with every batch, so copy it to keep a state. */
  readonly absMax: Tensor
  #count = 0

  /**
   * @param options.device  where batches arrive; default the reference device
   * @throws {ShapeError} when `columns` is not a whole number ≥ 0
   */
  constructor(columns: number, { device = reference }: { device?: Device | undefined } = {}) {
    this.absMax = device.empty('float64', [columns])
    this.columns = columns
  }

  /**
   * A statistic from what {@link AbsMaxStatistic.toTensors} gave.
   *
   * @throws {FormatError} when they are not a float64 vector of magnitudes and a count
   */
  static fromTensors(
    tensors: Record<string, TensorLike>,
    options: { device?: Device | undefined } = {},
  ): AbsMaxStatistic {
    const absMax = saved(tensors, 'absMax')
    const values = absMax.data as Float64Array
    if (absMax.dims.length !== 1 || values.some(value => value < 0)) {
      throw new FormatError(
        `[statistics/AbsMaxStatistic] expected a vector of magnitudes ≥ 0, got [${absMax.dims}]`,
      )
    }
    const statistic = new AbsMaxStatistic(values.length, options)
    ;(statistic.absMax.data as Float64Array).set(values)
    statistic.#count = savedCount(tensors)
    return statistic
  }

  get count(): number {
    return this.#count
  }

  /**
   * @param x  (…, columns)
   * @throws {NumericalError} when an element is NaN or infinite
   * @throws {ShapeError} when the last dimension is not `columns`
   */
  add(x: TensorLike): void {
    const { device } = this.absMax
    device.scope(() => {
      const samples = samplesOf(x, this.columns, device, 'statistics/AbsMaxStatistic')
      binary('max', this.absMax, reduce('absMax', samples, { axis: 0 }), { out: this.absMax })
      this.#count += samples.dims[0]!
    })
  }

  /** @throws {ShapeError} when the other one has other columns */
  merge(other: AbsMaxStatistic): this {
    requireSameColumns(this, other, 'statistics/AbsMaxStatistic')
    binary('max', this.absMax, other.absMax, { out: this.absMax })
    this.#count += other.count
    return this
  }

  toTensors(): { absMax: Tensor; count: Tensor } {
    return { absMax: this.absMax, count: saveCount(this.#count) }
  }
}
