import type { Tensor } from './tensor.ts'

/** Whether something is a {@link Tensor}, of this copy of the package or of another one. */
export function isTensor(value: unknown): value is Tensor {
  const { memory, dims } = Object(value) as Partial<Tensor>
  return !!memory && !!dims
}
