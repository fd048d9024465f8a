import { type CoreKernels, ShapeError, type Tensor } from '@tersor/core-tensor'
import { hadamardBlock } from '@tersor/core-tensor/host'
import { elementwise } from '../elementwise.ts'
import { output } from '../output.ts'
import { webGpuOf } from '../webgpu-device.ts'

/** Butterflies up to this width are done together, in the memory of a group. */
const TOGETHER = 2048

/** Blocks that fit a group's memory at once, the wider butterflies one after the other. */
export const hadamard: CoreKernels['hadamard'] = (x, options = {}) => {
  const { signs, inverse = false } = options
  const n = x.dims.at(-1)
  if (n === undefined || (signs !== undefined && signs.size !== n)) {
    throw new ShapeError(
      `[hadamard] expected x (…, n) and signs (n), got [${x.dims}] and [${signs?.dims ?? 'none'}]`,
    )
  }
  const device = webGpuOf(x)
  const block = hadamardBlock(n)
  return device.scope(() => {
    let values = transformed(x, Math.min(block, TOGETHER), inverse ? undefined : signs)
    for (let width = TOGETHER; width < block; width *= 2) values = wide(values, width)
    return output('hadamard', 'float32', x, x.dims, options, (y, accumulate) =>
      elementwise(y, {
        name: 'hadamardScale',
        inputs: { values, signs: inverse ? signs : undefined },
        params: { n, scale: { f32: 1 / Math.sqrt(block) } },
        scalar: 'f32',
        accumulate,
        element: () =>
          `fn element(i: u32) -> f32 { return values(i) * p.scale${inverse && signs ? ' * f32(signs(i % p.n))' : ''}; }`,
      }),
    )
  })
}

/** Blocks of `block` elements, transformed without a scale; signs are applied before. */
function transformed(x: Tensor, block: number, signs: Tensor | undefined): Tensor {
  const y = webGpuOf(x).make('float32', x.dims)
  const n = x.dims.at(-1)!
  webGpuOf(x).run({
    name: 'hadamard',
    variant: `${block}`,
    inputs: { x, signs },
    outputs: { y },
    params: { n },
    groups: block === 0 ? 0 : x.size / block,
    code: () => ({
      globals: `var<workgroup> values: array<f32, ${block}>;\n`,
      main: /* wgsl */ `
  let start = group * ${block}u;
  for (var i = thread; i < ${block}u; i += 64u) {
    values[i] = f32(x(start + i))${signs ? ' * f32(signs((start + i) % p.n))' : ''};
  }
  for (var width = 1u; width < ${block}u; width *= 2u) {
    workgroupBarrier();
    for (var pair = thread; pair < ${block / 2}u; pair += 64u) {
      let i = (pair / width) * 2u * width + pair % width;
      let a = values[i];
      let b = values[i + width];
      values[i] = a + b;
      values[i + width] = a - b;
    }
  }
  workgroupBarrier();
  for (var i = thread; i < ${block}u; i += 64u) { set_y(start + i, values[i]); }`,
    }),
  })
  return y
}

/** One step of butterflies. */
function wide(x: Tensor, width: number): Tensor {
  const y = webGpuOf(x).make('float32', x.dims)
  elementwise(y, {
    name: 'butterfly',
    inputs: { x },
    params: { width },
    scalar: 'f32',
    element: () => `fn element(i: u32) -> f32 {
  if ((i & p.width) == 0u) { return x(i) + x(i + p.width); }
  return x(i - p.width) - x(i);
}`,
  })
  return y
}
