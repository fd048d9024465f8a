import { type Out, ShapeError, type Tensor } from '@tersor/core-tensor'
import { requireDims } from '@tersor/core-tensor/host'
import { binary } from './kernels/binary.ts'
import { cast } from './kernels/cast.ts'
import { deviceOf } from './webgpu-device.ts'

/**
 * Room for a result: a new tensor, `out` itself, or where `out` has another dtype a temporary that is
 * cast into it. A kernel may add to it.
 *
 * @param write  records the kernel; adds to what `y` holds with `accumulate`
 */
export function land(
  where: string,
  type: 'float32' | 'int32',
  operand: Tensor,
  dims: readonly number[],
  { out, accumulate = false }: Out,
  write: (y: Tensor, accumulate: boolean) => void,
): Tensor {
  const device = deviceOf(operand)
  if (out === undefined) {
    if (accumulate) throw new ShapeError(`[${where}] expected an out to accumulate into`)
    const y = device.make(type, dims)
    write(y, false)
    return y
  }
  requireDims(where, 'an out', out, dims)
  if (out.type === type) {
    write(out, accumulate)
    return out
  }
  const y = device.make(type, dims)
  write(y, false)
  if (accumulate) binary('add', y, cast(out, 'float32'), { out: y })
  cast(y, out.type, { out })
  y.dispose()
  return out
}
