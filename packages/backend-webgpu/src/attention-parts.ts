import type { Tensor } from '@tersor/core-tensor'
import { retyped } from './elementwise.ts'
import { webGpuOf } from './webgpu-device.ts'
import { LOWEST, NOTHING } from './wgsl/group.ts'

/** Groups that keep a graphics card busy. */
const BUSY = 256
/** Keys that are worth a group of their own. */
const WORTH = 256

/**
 * Parts of the keys that groups attend to on their own, `span` keys each: one where there are queries and
 * heads enough for the whole card, or few keys.
 */
export function partsOf(keys: number, groups: number): { parts: number; span: number } {
  const wanted = Math.min(Math.ceil(BUSY / Math.max(1, groups)), Math.ceil(keys / WORTH))
  if (wanted <= 1) return { parts: 1, span: keys }
  const span = Math.ceil(keys / wanted / 64) * 64
  return { parts: Math.ceil(keys / span), span }
}

/**
 * Attention over all keys from attention over parts of them, by their log-sum-exps: a thread an element.
 *
 * @param sums  (parts, heads, queries, headDim)
 * @param sumsLse  (parts, heads, queries)
 */
export function joinParts(
  sums: Tensor,
  sumsLse: Tensor,
  { y, lse, accumulate }: { y: Tensor; lse: Tensor | undefined; accumulate: boolean },
): void {
  const [parts, heads, queries, headDim] = sums.dims as [number, number, number, number]
  webGpuOf(sums).run({
    name: 'joinAttentionParts',
    variant: `${accumulate}`,
    inputs: { sums, held: retyped(sumsLse, 'uint32', sumsLse.dims) },
    outputs: { y, lse: lse && retyped(lse, 'uint32', lse.dims) },
    params: { parts, rows: heads * queries, head_dim: headDim, count: y.size },
    groups: Math.ceil(y.size / 64),
    code: () => ({
      main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  let row = i / p.head_dim;
  var most = ${LOWEST};
  for (var part = 0u; part < p.parts; part++) {
    let bits = held(part * p.rows + row);
    if (bits != ${NOTHING}) { most = max(most, bitcast<f32>(bits)); }
  }
  var sum = 0.0;
  var weights = 0.0;
  for (var part = 0u; part < p.parts; part++) {
    let bits = held(part * p.rows + row);
    if (bits == ${NOTHING}) { continue; }
    let weight = exp(bitcast<f32>(bits) - most);
    sum += weight * sums(part * p.count + i);
    weights += weight;
  }
  let attended = sum / max(weights, 1e-37);
  set_y(i, ${accumulate ? 'y(i) + attended' : 'attended'});
  ${lse === undefined ? '' : `if (i % p.head_dim == 0u) { set_lse(row, select(bitcast<u32>(most + log(weights)), ${NOTHING}, weights == 0.0)); }`}`,
    }),
  })
}
