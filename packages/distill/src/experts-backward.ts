import type { Tensor } from '@tersor/core-tensor'
import { binary, gather, matmul, reduce, scatterAdd } from '@tersor/core-tensor/reference'
import { type ExpertRouting, type ExpertTensors, usedExperts } from './experts-forward.ts'
import { floatData } from './float-data.ts'
import { linearBackward } from './linear-backward.ts'
import { swigluBackward } from './swiglu-backward.ts'

export interface ExpertsBackwardOptions {
  weights: ExpertTensors
  /** Of the same shapes; added to. An expert that no token chose has no gradient. */
  gradients: ExpertTensors
  /** (tokens · k, hidden) as {@link expertsForward} gave it */
  gate: Tensor
  /** (tokens · k, hidden) likewise */
  up: Tensor
  /** Likewise. */
  routing: ExpertRouting
  /** (tokens, experts) the gradient of another loss of the router's logits, such as `loadBalancing` has. */
  logitGradient?: Tensor | undefined
}

/**
 * Gradients of {@link expertsForward}, through the experts and through the weights of what they say. With
 * a = silu(gate) ⊙ up of a choice, and the softmax w over a token's choices:
 *
 *     da = downᵀ·(w·dy),  s = da·a = w · dL/dw,  dl = s − w · Σ s over the token's choices.
 *
 * So the weights' gradient is a dot product of what is there anyway, without what the expert said. Which experts a
 * token chose counts as constant: there the loss jumps, and has no gradient.
 *
 * @param h  (tokens, d)
 * @param dy  (tokens, d)
 * @returns dh (tokens, d)
 */
export function expertsBackward(h: Tensor, dy: Tensor, options: ExpertsBackwardOptions): Tensor {
  const { weights, gradients, gate, up, routing, logitGradient } = options
  const { device } = h
  return device.scope(() => {
    const x = gather(h, routing.tokens, { axis: 0 }) // (tokens · k, d)
    const dSaid = binary('mul', gather(dy, routing.tokens, { axis: 0 }), routing.weights)
    const dx = device.empty(h.type, x.dims)
    const s = device.empty(h.type, [x.dims[0]!])
    for (const { expert, from, to } of usedExperts(routing)) {
      const [network, sums] = [weights.experts[expert]!, gradients.experts[expert]!]
      const [seen, slopes] = [x.rows(from, to), dSaid.rows(from, to)]
      device.scope(() => {
        const da = matmul(slopes, network.down)
        const { gateGradient, upGradient, value } = swigluBackward(gate.rows(from, to), up.rows(from, to), da)
        matmul(slopes, value, { transposeA: true, out: sums.down, accumulate: true })
        reduce('sum', binary('mul', da, value, { out: da }), { axis: -1, out: s.rows(from, to) })
        const out = dx.rows(from, to)
        linearBackward(seen, network.gate, gateGradient, { weightGradient: sums.gate, out })
        linearBackward(seen, network.up, upGradient, { weightGradient: sums.up, out, accumulate: true })
      })
    }
    const dLogits = choiceGradient(s, routing)
    if (logitGradient !== undefined) binary('add', dLogits, logitGradient, { out: dLogits })
    const dh = linearBackward(h, weights.router, dLogits, { weightGradient: gradients.router })
    return scatterAdd(dx, routing.tokens, { out: dh, axis: 0 })
  })
}

/** dl = s − w · Σ s, (tokens, experts); 0 where an expert was not chosen. */
function choiceGradient(s: Tensor, routing: ExpertRouting): Tensor {
  const where = 'distill/experts-backward'
  const { logits } = routing
  const [count, experts] = logits.dims as [number, number]
  const dLogits = logits.device.empty(logits.type, logits.dims)
  const slopes = floatData(dLogits, where)
  const felt = floatData(s, where)
  const shares = floatData(routing.weights, where)
  const tokens = routing.tokens.data as Int32Array
  const sums = new Float64Array(count)
  for (const [row, token] of tokens.entries()) sums[token]! += felt[row]!
  for (const { expert, from, to } of usedExperts(routing)) {
    for (let row = from; row < to; row++) {
      const token = tokens[row]!
      slopes[token * experts + expert] = felt[row]! - shares[row]! * sums[token]!
    }
  }
  return dLogits
}
