import { type Out, ShapeError, type Tensor } from '@tersor/core-tensor'
import { requireDims } from '@tersor/core-tensor/host'
import { elementwise } from './elementwise.ts'
import { cast } from './kernels/cast.ts'
import { webGpuOf } from './webgpu-device.ts'

/**
 * Room for a result: a new tensor, `out` itself, or where `out` has another dtype a temporary that is
 * cast into it. A kernel may add to it.
 *
 * @param write  records the kernel; adds to what `y` holds with `accumulate`
 */
export function output(
  where: string,
  type: 'float32' | 'int32',
  operand: Tensor,
  dims: readonly number[],
  { out, accumulate = false }: Out,
  write: (y: Tensor, accumulate: boolean) => void,
): Tensor {
  const device = webGpuOf(operand)
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
  if (accumulate) addTo(y, cast(out, 'float32'))
  cast(y, out.type, { out })
  y.dispose()
  return out
}

function addTo(y: Tensor, x: Tensor): void {
  elementwise(y, {
    name: 'addTo',
    inputs: { x },
    scalar: 'f32',
    accumulate: true,
    element: () => 'fn element(i: u32) -> f32 { return x(i); }',
  })
}
