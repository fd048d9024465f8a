import type { Tensor } from '@tersor/core-tensor'
import type { FeedForward } from './config.ts'
import type { LayerPass } from './layer.ts'
import { mixtureOfExperts } from './mixture-of-experts.ts'
import { runNetwork } from './network.ts'
import { inLayer } from './roles.ts'

/** A feed-forward layer of one network, or of several experts. */
export function runFeedForward(op: FeedForward, x: Tensor, pass: LayerPass): Tensor {
  const prefix = inLayer(pass.layer, 'feedForward.')
  return op.experts === undefined
    ? runNetwork(op, x, prefix, pass)
    : mixtureOfExperts(x, op, op.experts, prefix, pass)
}
