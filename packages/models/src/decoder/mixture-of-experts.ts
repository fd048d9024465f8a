import type { Tensor } from '@tersor/core-tensor'
import { binary, gather, scatterAdd, unary } from '@tersor/core-tensor/reference'
import type { Experts, FeedForward } from './config.ts'
import { everyExpert } from './every-expert.ts'
import type { LayerPass } from './layer.ts'
import { runNetwork } from './network.ts'
import { routeTokens } from './route-tokens.ts'

/**
 * A feed-forward layer of several networks of which each token uses a few (Jiang et al., 2024,
 * arXiv:2401.04088): Σ wₑ · networkₑ(h) over the experts e that {@link routeTokens} chose, and one more that all
 * share, where the family has it.
 *
 * Rows are gathered expert by expert, so that an expert in use is multiplied once, and one that is not is
 * never read. The router's logits are summed in order: where a token goes depends on its own h, not on how
 * many others it is computed with. A token's sum runs over its experts in their order. Every expert is shown to taps,
 * where no token chose it with no rows.
 *
 * On a remote device, whose numbers cannot route, {@link everyExpert} sees every token.
 *
 * @param h  (tokens, d)
 * @param prefix  of the layer's roles
 * @returns (tokens, d)
 */
export function mixtureOfExperts(
  h: Tensor,
  op: FeedForward,
  experts: Experts,
  prefix: string,
  pass: LayerPass,
): Tensor {
  const { weights, taps } = pass
  const { shared } = experts
  const { device } = h
  taps?.linear?.([`${prefix}router`], h)
  using logits = weights.linear(h, `${prefix}router`, { order: 'sequential' })
  const said = device.host
    ? chosenExperts(h, logits, op, experts, prefix, pass)
    : everyExpert(h, logits, op, experts, prefix, pass)
  if (shared === undefined) return said
  using common = sharedExpert(h, op, shared.gated, prefix, pass)
  return binary('add', said, common, { out: said })
}

/** Σ wₑ · networkₑ(h) over the experts that each token chose. */
function chosenExperts(
  h: Tensor,
  logits: Tensor,
  op: FeedForward,
  { count, perToken, normalise }: Experts,
  prefix: string,
  pass: LayerPass,
): Tensor {
  const { device } = h
  const { borders, ...routes } = routeTokens(logits, { perToken, normalise })
  using tokens = routes.tokens
  using shares = routes.weights
  using x = gather(h, tokens, { axis: 0 }) // (tokens · perToken, d)
  using y = device.empty('float32', x.dims)
  for (let expert = 0; expert < count; expert++) {
    const [from, to] = [borders[expert]!, borders[expert + 1]!]
    if (from === to && pass.taps?.linear === undefined) continue
    runNetwork(op, x.rows(from, to), `${prefix}experts.${expert}.`, pass, y.rows(from, to))
  }
  return device.scope(() => {
    const weighted = binary('mul', y, shares)
    return scatterAdd(weighted, tokens, { out: device.empty('float32', h.dims), axis: 0 })
  })
}

/** What the expert that every token uses says, times σ of its own router where it has one. */
function sharedExpert(h: Tensor, op: FeedForward, gated: boolean, prefix: string, pass: LayerPass): Tensor {
  const { weights, taps } = pass
  const router = `${prefix}shared.router`
  if (gated) taps?.linear?.([router], h)
  const said = runNetwork(op, h, `${prefix}shared.`, pass)
  if (!gated) return said
  return weights.device.scope(() =>
    binary('mul', said, unary('sigmoid', weights.linear(h, router)), { out: said }),
  )
}
