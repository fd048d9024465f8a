import { FormatError, NumericalError } from '../errors.ts'
import { gram } from '../reference/gram.ts'
import { toFloat32 } from '../tensor/convert.ts'
import { sizeOf } from '../tensor/dims.ts'
import { Tensor, type TensorLike } from '../tensor/tensor.ts'
import { saveCount, saved, savedCount } from './saved.ts'
import { asSamples, requireSameColumns, type Statistic, samplesOf } from './statistic.ts'

const WHERE = 'statistics/GramStatistic'

/** Samples whose products are summed in float32 on a device before they join the float64 total. */
const PANEL = 256

/**
 * The Gram matrix Σ xᵀ·x of the samples that enter a layer, in float64.
 *
 * Use it for methods that weigh errors by the input: GPTQ and SparseGPT (their Hessian is 2·gram /
 * count), EoRA, AWQ's search. It holds 8·columns² bytes, whatever the number of samples; where only
 * the scale of the columns matters take `AbsMaxStatistic`, `MeanAbsStatistic` or `MeanSquareStatistic`.
 *
 * On the reference device every product and sum is float64. On a device with a `gram` of its own, float32
 * batches are multiplied there in panels of 256 samples, and each panel's float32 sums are added to the
 * float64 total in the order of samples. An element (i, j) is then off by at most
 * 256 · 2⁻²⁴ · √(gramᵢᵢ · gramⱼⱼ), or 1.6e-5 of that, whatever the number of samples.
 *
 * Batches and merges may come in any grouping: the result is the same but for this rounding.
 *
 * @example
 * const statistic = new GramStatistic(2)
 * statistic.add(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
 * statistic.value.data // => Float64Array [10, 14, 14, 20]
 * statistic.count // => 2
 */
export class GramStatistic implements Statistic {
  readonly columns: number
  /** (columns, columns) float64; it grows with every batch, so copy it to keep a state. */
  readonly value: Tensor
  #count = 0

  /** @throws {ShapeError} when `columns` is not a whole number ≥ 0 */
  constructor(columns: number) {
    const dims = [columns, columns]
    this.value = new Tensor('float64', new Float64Array(sizeOf(dims, WHERE)), dims)
    this.columns = columns
  }

  /**
   * A statistic from what {@link GramStatistic.toTensors} gave.
   *
   * @throws {FormatError} when they are not a square float64 matrix and a count
   */
  static fromTensors(tensors: Record<string, TensorLike>): GramStatistic {
    const total = saved(tensors, 'gram')
    if (total.dims.length !== 2 || total.dims[0] !== total.dims[1]) {
      throw new FormatError(`[${WHERE}] expected a square gram, got [${total.dims}]`)
    }
    const statistic = new GramStatistic(total.dims[0]!)
    statistic.#join(total.data as Float64Array)
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
    const samples = samplesOf(x, this.columns, WHERE)
    const { device } = samples
    if (samples.type !== 'float32' || device.kernels.gram === undefined) this.#addExactly(samples)
    else {
      for (const panel of panelsOf(samples)) {
        device.scope(() => {
          const product = gram(panel).data as Float32Array
          // Squares beyond float32 are not beyond float64.
          if (this.#isFinite(product)) this.#join(product)
          else this.#addExactly(panel)
        })
      }
    }
    this.#count += samples.dims[0]!
  }

  /** @throws {NumericalError} when an element is NaN or infinite, or on a remote device its square is beyond float32 */
  async collect(x: Tensor): Promise<void> {
    if (x.device.host) return this.add(x)
    const samples = asSamples(x, this.columns, WHERE)
    const products = panelsOf(samples).map(async panel => {
      using product = gram(panel)
      return (await product.read()) as Float32Array
    })
    for (const product of await Promise.all(products)) {
      if (!this.#isFinite(product)) {
        throw new NumericalError(
          `[${WHERE}] expected activations whose squares are finite in float32, got others on ${x.device.name}; ` +
            'look for an overflow in the model, or drop the batch',
        )
      }
      this.#join(product)
    }
    this.#count += samples.dims[0]!
  }

  /** @throws {ShapeError} when the other one has other columns */
  merge(other: GramStatistic): this {
    requireSameColumns(this, other, WHERE)
    this.#join(other.value.data as Float64Array)
    this.#count += other.count
    return this
  }

  toTensors(): { gram: Tensor; count: Tensor } {
    return { gram: this.value, count: saveCount(this.#count) }
  }

  #addExactly(samples: Tensor): void {
    const rows =
      samples.type === 'float64'
        ? new Tensor('float64', samples.data, samples.dims)
        : new Tensor('float32', toFloat32(samples), samples.dims)
    gram(rows, { out: this.value, accumulate: true })
  }

  #join(product: Float32Array | Float64Array): void {
    const total = this.value.data as Float64Array
    for (let i = 0; i < total.length; i++) total[i]! += product[i]!
  }

  /** Whether all of a Gram matrix is finite, as it is where its diagonal is. */
  #isFinite(product: Float32Array): boolean {
    for (let i = 0; i < product.length; i += this.columns + 1) if (!Number.isFinite(product[i])) return false
    return true
  }
}

/** A batch (samples, columns) in pieces of at most {@link PANEL} samples, which share its memory. */
function panelsOf(samples: Tensor): Tensor[] {
  const count = samples.dims[0]!
  return Array.from({ length: Math.ceil(count / PANEL) }, (_, i) =>
    samples.rows(i * PANEL, Math.min(count, (i + 1) * PANEL)),
  )
}
