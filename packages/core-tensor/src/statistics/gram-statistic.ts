import type { Device } from '../device/device.ts'
import { reference } from '../device/reference-device.ts'
import { FormatError } from '../errors.ts'
import { binary } from '../reference/binary.ts'
import { gram } from '../reference/gram.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { saveCount, saved, savedCount } from './saved.ts'
import { requireSameColumns, type Statistic, samplesOf } from './statistic.ts'

/**
 * The Gram matrix Σ xᵀ·x of the samples that enter a layer, in float64.
 *
 * Use it for methods that weigh errors by the input: GPTQ and SparseGPT (their Hessian is 2·gram /
 * count), EoRA, AWQ's search. It holds 8·columns² bytes, whatever the number of samples; where only
 * the scale of the columns matters take {@link AbsMaxStatistic}.
 *
 * Batches and merges may come in any grouping: the result is the same but for float64 rounding.
 *
 * @example
 * const statistic = new GramStatistic(2)
 * statistic.add(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
 * statistic.gram.data // => Float64Array [10, 14, 14, 20]
 * statistic.count // => 2
 */
export class GramStatistic implements Statistic {
  readonly columns: number
  /** (columns, columns) float64; it grows with every batch, so copy it to keep a state. */
  readonly gram: Tensor
  #count = 0

  /**
   * @param options.device  where batches arrive; default the reference device
   * @throws {ShapeError} when `columns` is not a whole number ≥ 0
   */
  constructor(columns: number, { device = reference }: { device?: Device | undefined } = {}) {
    this.gram = device.empty('float64', [columns, columns])
    this.columns = columns
  }

  /**
   * A statistic from what {@link GramStatistic.toTensors} gave.
   *
   * @throws {FormatError} when they are not a square float64 matrix and a count
   */
  static fromTensors(
    tensors: Record<string, TensorLike>,
    options: { device?: Device | undefined } = {},
  ): GramStatistic {
    const gram = saved(tensors, 'gram')
    if (gram.dims.length !== 2 || gram.dims[0] !== gram.dims[1]) {
      throw new FormatError(`[statistics/GramStatistic] expected a square gram, got [${gram.dims}]`)
    }
    const statistic = new GramStatistic(gram.dims[0]!, options)
    ;(statistic.gram.data as Float64Array).set(gram.data as Float64Array)
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
    const { device } = this.gram
    device.scope(() => {
      const samples = samplesOf(x, this.columns, device, 'statistics/GramStatistic')
      gram(samples, { out: this.gram, accumulate: true })
      this.#count += samples.dims[0]!
    })
  }

  /** @throws {ShapeError} when the other one has other columns */
  merge(other: GramStatistic): this {
    requireSameColumns(this, other, 'statistics/GramStatistic')
    binary('add', this.gram, other.gram, { out: this.gram })
    this.#count += other.count
    return this
  }

  toTensors(): { gram: Tensor; count: Tensor } {
    return { gram: this.gram, count: saveCount(this.#count) }
  }
}
