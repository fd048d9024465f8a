import { aroundAxis, type CoreKernels, DTypeError, ShapeError } from '@tersor/core-tensor'
import { asBits, elementwise } from '../elementwise.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { requireBytes } from './copy.ts'

/** An index out of range gives zeros: the card cannot refuse it, and nobody reads the index back to look. */
export const gather: CoreKernels['gather'] = (x, index, options) => {
  const { outer, length, inner, axis } = aroundAxis(x.dims, options.axis, 'gather')
  const out =
    options.out ??
    webGpuOf(x).make(x.type, [...x.dims.slice(0, axis), ...index.dims, ...x.dims.slice(axis + 1)])
  if (out.type !== x.type) throw new DTypeError(`[gather] expected an out of ${x.type}, got ${out.type}`)
  if (out.size !== outer * index.size * inner)
    throw new ShapeError(
      `[gather] expected an out of ${outer * index.size * inner} elements, got [${out.dims}]`,
    )
  requireBytes(x.type, 'gather')
  elementwise(asBits(out), {
    name: 'gather',
    inputs: { x: asBits(x), index },
    params: { indices: index.size, stride: length, inner },
    scalar: 'u32',
    element: () => `fn element(i: u32) -> u32 {
  let row = i / p.inner;
  let chosen = u32(index(row % p.indices));
  return select(0u, x(((row / p.indices) * p.stride + min(chosen, p.stride - 1u)) * p.inner + i % p.inner), chosen < p.stride);
}`,
  })
  return out
}
