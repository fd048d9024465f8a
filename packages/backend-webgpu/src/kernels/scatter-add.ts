import { aroundAxis, type CoreKernels, DTypeError, ShapeError } from '@tersor/core-tensor'
import { webGpuOf } from '../webgpu-device.ts'

/** A thread a place of `out`, which looks for its terms in the order of the index. */
export const scatterAdd: CoreKernels['scatterAdd'] = (x, index, options) => {
  const { out } = options
  const { outer, length, inner, axis } = aroundAxis(out.dims, options.axis, 'scatterAdd')
  if (out.type !== 'float32' && out.type !== 'float64')
    throw new DTypeError(`[scatterAdd] expected a float32 or float64 out, got ${out.type}`)
  if (
    x.dims.length !== out.dims.length ||
    x.dims[axis] !== index.size ||
    x.size !== outer * index.size * inner
  ) {
    throw new ShapeError(
      `[scatterAdd] expected x as [${out.dims}] with ${index.size} along axis ${axis}, got [${x.dims}]`,
    )
  }
  webGpuOf(x).run({
    name: 'scatterAdd',
    inputs: { x, index },
    outputs: { y: out },
    params: { count: out.size, stride: length, indices: index.size, inner },
    groups: index.size === 0 ? 0 : Math.ceil(out.size / 64),
    code: () => ({
      main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  let column = i % p.inner;
  let place = (i / p.inner) % p.stride;
  let outer = i / p.inner / p.stride;
  var sum = y(i);
  for (var k = 0u; k < p.indices; k++) {
    if (u32(index(k)) == place) { sum = sum + f32(x((outer * p.indices + k) * p.inner + column)); }
  }
  set_y(i, sum);`,
    }),
  })
  return out
}
