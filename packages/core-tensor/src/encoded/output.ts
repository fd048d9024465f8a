import type { Out } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import { binary } from '../reference/binary.ts'
import { cast } from '../reference/cast.ts'
import { requireDims } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * Hands a result over: as it is, or written to `out`, or added to it. For functions made of kernels,
 * which compute everything before `out` changes, so that it may be one of their inputs.
 *
 * @throws {ShapeError} when `out` has other dims, or is missing with `accumulate`
 */
export function output(where: string, y: Tensor, { out, accumulate = false }: Out): Tensor {
  if (out === undefined) {
    if (accumulate) throw new ShapeError(`[${where}] expected an out to accumulate into`)
    return y
  }
  requireDims(where, 'an out', out, y.dims)
  return accumulate ? binary('add', out, y, { out }) : cast(y, out.type, { out })
}
