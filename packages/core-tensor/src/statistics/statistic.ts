import { NumericalError, ShapeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import { asTensor, reference, requireHost, type Tensor, type TensorLike } from '../tensor/tensor.ts'

export interface BatchOptions {
  /** Whole numbers that name the text a batch is from, such as its tokens; a sample tells rows apart by them. */
  source?: ArrayLike<number> | undefined
}

/**
 * What calibration gathers from the activations that enter a layer, batch by batch: it merges with
 * what other workers gathered, and is saved as named tensors. It is held in ordinary memory, on
 * whatever device batches arrive.
 */
export interface Statistic {
  /** d, the features of a sample. */
  readonly columns: number
  /** Samples seen. */
  readonly count: number
  /** What they come to, on the reference device. It may share memory with the statistic, and change as that grows. */
  readonly value: Tensor
  /** Adds a batch (…, columns) of a host device; leading dimensions count as samples. */
  add(x: TensorLike, options?: BatchOptions): void
  /** The same for a batch of any device; what is needed of it is read before it can change. */
  collect(x: Tensor, options?: BatchOptions): Promise<void>
  /** Adds all that another one of the same kind and columns has seen. */
  merge(other: this): this
  /** Itself as tensors, to be saved and merged later; they may share its memory. */
  toTensors(): Record<string, Tensor>
}

/**
 * A batch as (samples, columns), where it is.
 *
 * @throws {ShapeError} when the last dimension is not `columns`
 */
export function asSamples(x: Tensor, columns: number, where: string): Tensor {
  if (x.dims.at(-1) !== columns) {
    throw new ShapeError(`[${where}] expected a batch (…, ${columns}), got [${x.dims}]`)
  }
  const samples = x.dims.slice(0, -1).reduce((count, dim) => count * dim, 1)
  return x.reshape([samples, columns])
}

/**
 * A batch as (samples, columns) on a host device.
 *
 * @throws {ShapeError} when the last dimension is not `columns`
 * @throws {NumericalError} when an element is NaN or infinite, which would spoil all that was gathered
 */
export function samplesOf(x: TensorLike, columns: number, where: string): Tensor {
  const tensor = asTensor(x)
  requireHost(tensor, where)
  const samples = asSamples(tensor, columns, where)
  const numbers = numbersOf(samples)
  for (let i = 0; i < numbers.length; i++) {
    if (!Number.isFinite(numbers[i])) {
      throw new NumericalError(
        `[${where}] expected finite activations, got ${numbers[i]} in sample ${Math.floor(i / columns)}, column ${i % columns}; ` +
          'look for an overflow in the model, or drop the batch',
      )
    }
  }
  return samples
}

/** A batch where the host can read it: itself, or a copy of what it holds now. */
export function onHost(x: Tensor): Tensor | Promise<Tensor> {
  return x.device.host ? x : x.to(reference)
}

/** Throws unless two statistics speak of the same features. */
export function requireSameColumns(a: Statistic, b: Statistic, where: string): void {
  if (a.columns !== b.columns) {
    throw new ShapeError(`[${where}] expected a statistic of ${a.columns} columns, got ${b.columns}`)
  }
}
