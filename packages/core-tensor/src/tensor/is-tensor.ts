import type { Tensor } from './tensor.ts'

/** Whether something is a {@link Tensor}, of this copy of the package or of another one. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'memory' in value && 'dims' in value
}
