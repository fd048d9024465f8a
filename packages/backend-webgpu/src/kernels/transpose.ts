import { type CoreKernels, DTypeError, ShapeError } from '@tersor/core-tensor'
import { requireDims, stridesOf } from '@tersor/core-tensor/host'
import { asBits, elementwise } from '../elementwise.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { listed, unravel } from '../wgsl/lists.ts'
import { requireBytes } from './copy.ts'

export const transpose: CoreKernels['transpose'] = (x, permutation, { out } = {}) => {
  const rank = x.dims.length
  if ([...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i) || permutation.length !== rank) {
    throw new ShapeError(
      `[transpose] expected a permutation of the ${rank} axes of [${x.dims}], got [${permutation}]`,
    )
  }
  requireBytes(x.type, 'transpose')
  const strides = stridesOf(x.dims)
  const dims = permutation.map(axis => x.dims[axis]!)
  if (out !== undefined && out.type !== x.type)
    throw new DTypeError(`[transpose] expected an out of ${x.type}, got ${out.type}`)
  if (out !== undefined) requireDims('transpose', 'an out', out, dims)
  const y = out ?? webGpuOf(x).make(x.type, dims)
  elementwise(asBits(y), {
    name: 'transpose',
    variant: `${rank}`,
    inputs: { x: asBits(x) },
    params: { dims: listed(dims, 'transpose'), strides: permutation.map(axis => strides[axis]!) },
    scalar: 'u32',
    element: () => `fn element(i: u32) -> u32 {
  var rest = i;
  ${unravel(rank, 'dims', { offset: 'strides' })}
  return x(offset);
}`,
  })
  return y
}
