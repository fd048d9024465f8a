import { type CoreKernels, DTypeError, dtypeBits } from '@tersor/core-tensor'
import { requireDims } from '@tersor/core-tensor/host'
import { asBits, elementwise } from '../elementwise.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { scalarOf } from '../wgsl/dtypes.ts'

/** On the bits where the dtype stays; through float32 or 32-bit integers else. */
export const cast: CoreKernels['cast'] = (x, type, { out } = {}) => {
  if (out !== undefined && out.type !== type)
    throw new DTypeError(`[cast] expected an out of ${type}, got ${out.type}`)
  if (out !== undefined) requireDims('cast', 'an out', out, x.dims)
  const y = out ?? webGpuOf(x).make(type, x.dims)
  const same = x.type === type && dtypeBits[type] <= 32
  const input = same ? asBits(x) : x
  elementwise(same ? asBits(y) : y, {
    name: 'cast',
    inputs: { x: input },
    scalar: scalarOf(input.type),
    element: () => `fn element(i: u32) -> ${scalarOf(input.type)} { return x(i); }`,
  })
  return y
}
