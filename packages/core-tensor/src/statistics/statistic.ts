import type { Device } from '../device/device.ts'
import { NumericalError, ShapeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import { asTensor, requireHost, type Tensor, type TensorLike } from '../tensor/tensor.ts'

/**
 * What calibration gathers from the activations that enter a layer, batch by batch: it merges with
 * what other workers gathered, and is saved as named tensors.
 */
export interface Statistic {
  /** d, the features of a sample. */
  readonly columns: number
  /** Samples seen. */
  readonly count: number
  /** Adds a batch (…, columns); leading dimensions count as samples. */
  add(x: TensorLike): void
  /** Adds all that another one of the same kind and columns has seen. */
  merge(other: this): this
  /** Itself as tensors, to be saved and merged later; they share its memory. */
  toTensors(): Record<string, Tensor>
}

/**
 * A batch as (samples, columns) on a host device.
 *
 * @throws {ShapeError} when the last dimension is not `columns`
 * @throws {NumericalError} when an element is NaN or infinite, which would spoil all that was gathered
 */
export function samplesOf(x: TensorLike, columns: number, device: Device, where: string): Tensor {
  const tensor = asTensor(x, device)
  requireHost(tensor, where)
  if (tensor.dims.at(-1) !== columns) {
    throw new ShapeError(`[${where}] expected a batch (…, ${columns}), got [${tensor.dims}]`)
  }
  const numbers = numbersOf(tensor)
  for (let i = 0; i < numbers.length; i++) {
    if (!Number.isFinite(numbers[i])) {
      throw new NumericalError(
        `[${where}] expected finite activations, got ${numbers[i]} in sample ${Math.floor(i / columns)}, column ${i % columns}; ` +
          'look for an overflow in the model, or drop the batch',
      )
    }
  }
  const samples = tensor.dims.slice(0, -1).reduce((count, dim) => count * dim, 1)
  return tensor.reshape([samples, columns])
}

/** Throws unless two statistics speak of the same features. */
export function requireSameColumns(a: Statistic, b: Statistic, where: string): void {
  if (a.columns !== b.columns) {
    throw new ShapeError(`[${where}] expected a statistic of ${a.columns} columns, got ${b.columns}`)
  }
}
