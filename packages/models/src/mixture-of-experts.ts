import { type Encoded, linear, type Taps, type Tensor } from '@tersor/core-tensor'
import { binary, gather, scatterAdd, unary } from '@tersor/core-tensor/reference'
import { routeTokens } from './route-tokens.ts'

export interface MixtureOptions {
  /** The name of the weight (experts, d) whose product with h chooses experts. */
  router: string
  /** The names of each expert's matrices: gate and up (hidden, d), down (d, hidden). */
  experts: readonly { gate: string; up: string; down: string }[]
  /** How many experts a token chooses. */
  perToken: number
  weight(name: string): Tensor | Encoded
  /** Every expert is shown, where no token chose it with no rows. */
  taps?: Taps | undefined
}

/**
 * A feed-forward layer of several networks of which each token uses a few (Jiang et al., 2024,
 * arXiv:2401.04088): Σ wₑ · downₑ(silu(gateₑ(h)) ⊙ upₑ(h)) over the experts e that {@link routeTokens} chose.
 *
 * Rows are gathered expert by expert, so that an expert in use is multiplied once, and one that is not is
 * never read. The router's logits are summed in order: where a token goes depends on its own h, not on how
 * many others it is computed with. A token's sum runs over its experts in their order.
 *
 * @param h  (tokens, d) on a host device
 * @returns (tokens, d)
 */
export function mixtureOfExperts(h: Tensor, options: MixtureOptions): Tensor {
  const { router, experts, perToken, weight, taps } = options
  const { device } = h
  taps?.linear?.([router], h)
  using logits = linear(h, weight(router), { order: 'sequential' })
  const { borders, ...routes } = routeTokens(logits, { perToken })
  using tokens = routes.tokens
  using weights = routes.weights
  using x = gather(h, tokens, { axis: 0 }) // (tokens · perToken, d)
  using y = device.empty('float32', x.dims)
  for (const [expert, names] of experts.entries()) {
    const [from, to] = [borders[expert]!, borders[expert + 1]!]
    if (from === to && taps?.linear === undefined) continue
    const rows = x.rows(from, to)
    taps?.linear?.([names.gate, names.up], rows)
    using inner = device.scope(() => {
      const gate = linear(rows, weight(names.gate))
      unary('silu', gate, { out: gate })
      return binary('mul', gate, linear(rows, weight(names.up)), { out: gate })
    })
    taps?.linear?.([names.down], inner)
    linear(inner, weight(names.down), { out: y.rows(from, to) })
  }
  return device.scope(() => {
    const weighted = binary('mul', y, weights)
    return scatterAdd(weighted, tokens, { out: device.empty('float32', h.dims), axis: 0 })
  })
}
