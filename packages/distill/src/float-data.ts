import { DTypeError, requireHost, type Tensor } from '@tersor/core-tensor'

/**
 * The numbers of a float tensor, to read and write in place. Take it after whatever may allocate.
 *
 * @throws {DTypeError} unless it is float32 or float64
 */
export function floatData(x: Tensor, where: string): Float32Array | Float64Array {
  requireHost(x, where)
  if (x.type !== 'float32' && x.type !== 'float64') {
    throw new DTypeError(`[${where}] expected float32 or float64, got ${x.type}; cast it first`)
  }
  return x.data as Float32Array | Float64Array
}
