import { type AttentionPart, type CoreKernels, ShapeError, Tensor } from '@tersor/core-tensor'
import { requireDims } from '@tersor/core-tensor/host'
import { elementwise, retyped } from '../elementwise.ts'
import { output } from '../output.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { LOWEST, NOTHING } from '../wgsl/group.ts'
import { cast } from './cast.ts'

/** Part after part into running sums, each with the greatest log-sum-exp so far. */
export const mergeAttention: CoreKernels['mergeAttention'] = (parts, options = {}) => {
  const first = parts[0]
  if (first === undefined) throw new ShapeError('[mergeAttention] expected at least one part, got none')
  const [, queries = 0, headDim = 0] = first.o.dims
  const named = new Set(parts.flatMap(part => part.heads))
  for (let head = 0; head < named.size; head++) {
    if (!named.has(head))
      throw new ShapeError(
        `[mergeAttention] expected parts that name every head from 0 on, got heads ${[...named]}`,
      )
  }
  for (const part of parts) {
    requireDims('mergeAttention', 'o', part.o, [part.heads.length, queries, headDim])
    requireDims('mergeAttention', 'lse', part.lse, [part.heads.length, queries])
  }
  const dims = [named.size, queries, headDim]
  const device = webGpuOf(first.o)
  return device.scope(() => {
    // Each element has a maximum and a weight of its own: no thread waits for another.
    const [sums, weights, most] = [
      device.empty('float32', dims),
      device.empty('float32', dims),
      device.make('float32', dims),
    ]
    elementwise(most, {
      name: 'lowest',
      inputs: {},
      scalar: 'f32',
      element: () => `fn element(i: u32) -> f32 { return ${LOWEST}; }`,
    })
    for (const part of parts) add(part, sums, weights, most)
    return output('mergeAttention', 'float32', first.o, dims, options, y =>
      elementwise(y, {
        name: 'mergedAttention',
        inputs: { sums, weights },
        scalar: 'f32',
        element: () =>
          'fn element(i: u32) -> f32 { return select(sums(i) / weights(i), 0.0, weights(i) == 0.0); }',
      }),
    )
  })
}

function add({ heads, o, lse }: AttentionPart, sums: Tensor, weights: Tensor, most: Tensor): void {
  const device = webGpuOf(o)
  const [, queries, headDim] = o.dims as [number, number, number]
  const floats = lse.type === 'float32' ? lse : cast(lse, 'float32')
  device.run({
    name: 'mergeAttention',
    inputs: {
      o,
      lse: retyped(floats, 'uint32', lse.dims),
      heads: device.upload(new Tensor('int32', heads, [heads.length])),
    },
    outputs: { sums, weights, most },
    params: { queries, head_dim: headDim, count: sums.size, heads_given: heads.length },
    groups: Math.ceil(sums.size / 64),
    code: () => ({
      main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  let row = i / p.head_dim;
  // A part may name a head more than once.
  for (var given = 0u; given < p.heads_given; given++) {
    if (u32(heads(given)) != row / p.queries) { continue; }
    let at = given * p.queries + row % p.queries;
    let held = lse(at);
    if (held == ${NOTHING}) { continue; }
    let next = max(most(i), bitcast<f32>(held));
    let kept = exp(most(i) - next);
    let weight = exp(bitcast<f32>(held) - next);
    set_sums(i, sums(i) * kept + weight * f32(o(at * p.head_dim + i % p.head_dim)));
    set_weights(i, weights(i) * kept + weight);
    set_most(i, next);
  }`,
    }),
  })
}
