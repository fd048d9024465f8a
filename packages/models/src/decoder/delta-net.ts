import { type DeltaNet, requireHost, Tensor } from '@tersor/core-tensor'
import { binary, rmsNorm, unary } from '@tersor/core-tensor/reference'
import { shortConvolution } from './convolution.ts'
import type { LayerPass } from './layer.ts'
import type { ModelWeights } from './model-weights.ts'
import { inLayer } from './roles.ts'

/** In the root of the length that queries and keys are divided by. */
const LENGTH_EPSILON = 1e-6

/**
 * A gated delta net (Yang et al., 2024, arXiv:2412.06464) as Qwen3.5 has it. Of q, k, v = silu(conv(queryKeyValue(x))), with
 * q and k of length 1, each head keeps a matrix S (keyDim, valueDim) and does for each token
 * S ← e^g · S, S ← S + k ⊗ β(v − Sᵀk), o = Sᵀq, where β = σ(write(x)) and g = decay · softplus(step(x) + stepBias).
 * The result is output(norm(o) ⊙ silu(gate(x))).
 *
 * The rule runs token by token on a host device; products with weights run for all of them at once.
 */
export function runDeltaNet(op: DeltaNet, x: Tensor, pass: LayerPass): Tensor {
  const { weights, layer, cache, taps, config } = pass
  const { device } = weights
  const role = (name: string) => inLayer(layer, `delta.${name}`)
  taps?.linear?.([role('queryKeyValue'), role('gate'), role('write'), role('step')], x)
  const before = cache.state(layer)
  const tokens = x.dims[0]!
  const { inner, rows, sum } = device.scope(() => {
    const mixed = shortConvolution(
      weights.linear(x, role('queryKeyValue')),
      weights.tensor(role('kernel')),
      before?.rows,
    )
    const told = unary('silu', mixed.out, { out: mixed.out })
    const { o, sum } = deltaRule(op, told, gatesOf(weights, role, x), before?.sum)
    const gain = weights.tensor(role('norm'))
    const normed = rmsNorm(o, gain, { epsilon: config.norm.epsilon })
    const flat = normed.reshape([tokens, op.heads * op.valueDim])
    const gate = unary('silu', weights.linear(x, role('gate')))
    return { inner: binary('mul', flat, gate), rows: mixed.rows, sum }
  })
  cache.keep(layer, { rows, sum }, tokens)
  taps?.linear?.([role('output')], inner)
  using said = inner
  return device.scope(() => weights.linear(said, role('output')))
}

interface Gates {
  /** (tokens, heads) β: how much of what is new is written. */
  readonly write: Tensor
  /** (tokens, heads) before softplus */
  readonly step: Tensor
  /** (heads) */
  readonly decay: Tensor
}

function gatesOf(weights: ModelWeights, role: (name: string) => string, x: Tensor): Gates {
  const step = weights.linear(x, role('step'))
  return {
    write: unary('sigmoid', weights.linear(x, role('write'))),
    step: binary('add', step, weights.tensor(role('stepBias')), { out: step }),
    decay: weights.tensor(role('decay')),
  }
}

/**
 * @param told  (tokens, 2 · keyHeads · keyDim + heads · valueDim): queries, keys and values side by side
 * @param before  (heads, keyDim, valueDim) what the heads remember
 * @returns o (tokens, heads, valueDim), and what the heads remember now
 */
function deltaRule(
  { heads, keyHeads, keyDim, valueDim, pairing }: DeltaNet,
  told: Tensor,
  gates: Gates,
  before: Tensor | undefined,
): { o: Tensor; sum: Tensor } {
  for (const tensor of [told, gates.write, gates.step, gates.decay]) requireHost(tensor, 'models/delta-net')
  const [tokens, width] = told.dims as [number, number]
  const mixed = told.data as Float32Array
  const [write, step, decay] = [gates.write, gates.step, gates.decay].map(({ data }) => data as Float32Array)
  const state = new Float32Array(heads * keyDim * valueDim)
  if (before !== undefined) state.set(before.data as Float32Array)
  const out = new Float32Array(tokens * heads * valueDim)
  const [query, key] = [new Float64Array(keyDim), new Float64Array(keyDim)]
  const recalled = new Float64Array(valueDim)
  for (let t = 0; t < tokens; t++) {
    for (let head = 0; head < heads; head++) {
      const keyHead = pairing === 'tiled' ? head % keyHeads : Math.floor((head * keyHeads) / heads)
      const at = t * width + keyHead * keyDim
      unit(mixed, at, query, 1 / Math.sqrt(keyDim))
      unit(mixed, at + keyHeads * keyDim, key, 1)
      const values = t * width + 2 * keyHeads * keyDim + head * valueDim
      const gate = t * heads + head
      const kept = Math.exp(decay![head]! * softplus(step![gate]!))
      const memory = state.subarray(head * keyDim * valueDim, (head + 1) * keyDim * valueDim)
      recalled.fill(0)
      for (let i = 0; i < memory.length; i++) memory[i]! *= kept
      for (let i = 0; i < keyDim; i++) {
        for (let j = 0; j < valueDim; j++) recalled[j]! += memory[i * valueDim + j]! * key[i]!
      }
      for (let j = 0; j < valueDim; j++) recalled[j] = (mixed[values + j]! - recalled[j]!) * write![gate]!
      const o = out.subarray(gate * valueDim, (gate + 1) * valueDim)
      for (let i = 0; i < keyDim; i++) {
        for (let j = 0; j < valueDim; j++) {
          memory[i * valueDim + j]! += key[i]! * recalled[j]!
          o[j]! += memory[i * valueDim + j]! * query[i]!
        }
      }
    }
  }
  const { device } = told
  return {
    o: device.upload(new Tensor('float32', out, [tokens, heads, valueDim])),
    sum: device.upload(new Tensor('float32', state, [heads, keyDim, valueDim])),
  }
}

/** A vector of length `scale` in the direction of some elements. */
function unit(from: Float32Array, at: number, to: Float64Array, scale: number): void {
  let squares = 0
  for (let i = 0; i < to.length; i++) squares += from[at + i]! ** 2
  const by = scale / Math.sqrt(squares + LENGTH_EPSILON)
  for (let i = 0; i < to.length; i++) to[i] = from[at + i]! * by
}

/** ln(1 + eˣ) */
function softplus(x: number): number {
  return x > 20 ? x : Math.log1p(Math.exp(x))
}
