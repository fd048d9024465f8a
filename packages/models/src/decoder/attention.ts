import type { Attention, Tensor } from '@tersor/core-tensor'
import { binary, rmsNorm, unary } from '@tersor/core-tensor/reference'
import { ones } from './constant.ts'
import { joinHeads, splitHeads } from './heads.ts'
import type { LayerCache, LayerPass } from './layer.ts'
import { inLayer } from './roles.ts'

interface Projections {
  /** (heads, tokens, headDim) */
  readonly queries: Tensor
  /** (kvHeads, tokens, headDim), none where another layer's are read */
  readonly keys: Tensor | undefined
  readonly values: Tensor | undefined
}

/**
 * Attention: output(gate ⊙ attend(query(x), key(x), value(x))), with the norms, sinks and gate that the family has.
 *
 * @param x  (tokens, hidden)
 * @returns (tokens, hidden)
 */
export function runAttention(op: Attention, x: Tensor, pass: LayerPass): Tensor {
  const { weights, layer, taps } = pass
  const role = (name: string) => inLayer(layer, `attention.${name}`)
  const own = op.keysOf === undefined ? [role('key'), role('value')] : []
  const gates = op.gated === true ? [role('gate')] : []
  taps?.linear?.([role('query'), ...own, ...gates], x)
  using queries = projected(x, 'query', op, pass)
  using keys = op.keysOf === undefined ? projected(x, 'key', op, pass) : undefined
  using values = op.keysOf === undefined ? projected(x, 'value', op, pass) : undefined
  using attended = attend({ queries, keys, values }, op, pass)
  using joined = weights.device.scope(() => {
    const out = joinHeads(attended)
    if (op.gated !== true) return out
    return binary('mul', out, unary('sigmoid', weights.linear(x, role('gate'))))
  })
  taps?.linear?.([role('output')], joined)
  return weights.device.scope(() => weights.linear(joined, role('output')))
}

/** Queries, keys or values, normalised where the family does: (heads, tokens, headDim). */
function projected(
  x: Tensor,
  name: 'query' | 'key' | 'value',
  op: Attention,
  { weights, layer, config }: LayerPass,
): Tensor {
  const heads = name === 'query' ? op.heads : op.kvHeads
  const norm = inLayer(layer, `attention.${name}Norm`)
  const isNormed = name !== 'value' && op.queryKeyNorm !== undefined
  return weights.device.scope(() => {
    let y = weights.linear(x, inLayer(layer, `attention.${name}`))
    if (isNormed && op.queryKeyNorm === 'projection') y = weights.norm(y, norm)
    let split = splitHeads(y, heads, op.headDim)
    if (isNormed && op.queryKeyNorm === 'head') split = weights.norm(split, norm)
    if (name === 'value' && op.valueNorm === true) {
      const { epsilon } = config.norm
      split = rmsNorm(split, ones(weights.device, op.headDim), { epsilon })
    }
    return split
  })
}

function attend({ queries, keys, values }: Projections, op: Attention, pass: LayerPass): Tensor {
  const { weights, layer, cache, positions, mask, taps } = pass
  const { device } = weights
  // Neither the cache nor a tap may be called in a scope: what they allocate outlives this pass.
  if (keys !== undefined && values !== undefined) cache.append(layer, keys, values, positions)
  const tokens = queries.dims[1]!
  using mass = taps?.attention && device.empty('float32', [op.heads, keysIn(cache, layer)])
  using lse = op.sinks === true ? device.empty('float32', [op.heads, tokens]) : undefined
  const attended = cache.attend(layer, queries, positions, { logWeight: mask, mass, lse })
  if (mass !== undefined) taps?.attention?.(layer, mass)
  if (lse === undefined) return attended
  const sunk = device.scope(() => withSinks(attended, lse, weights.tensor(inLayer(layer, 'attention.sinks'))))
  attended.dispose()
  return sunk
}

/** What a score without a value takes away: o · σ(lse − sink). */
function withSinks(o: Tensor, lse: Tensor, sinks: Tensor): Tensor {
  const [heads, tokens] = lse.dims as [number, number]
  const share = unary('sigmoid', binary('sub', lse, sinks.reshape([heads, 1])))
  return binary('mul', o, share.reshape([heads, tokens, 1]))
}

function keysIn(cache: LayerCache, layer: number): number {
  return cache.segments(layer).reduce((sum, { length }) => sum + length, 0)
}
