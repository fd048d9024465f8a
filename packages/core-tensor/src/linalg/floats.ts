import { DTypeError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** The elements of a tensor that is computed with as it is; the decompositions do not widen narrow types. */
export function floatsOf({ type, data }: Tensor, where: string): Float32Array | Float64Array {
  if (data instanceof Float32Array || data instanceof Float64Array) return data
  throw new DTypeError(`[${where}] expected float32 or float64, got ${type}; cast it first`)
}
