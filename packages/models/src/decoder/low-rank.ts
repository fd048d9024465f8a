import type { Tensor } from '@tersor/core-tensor'
import { binary } from '@tersor/core-tensor/reference'
import type { LayerPass } from './layer.ts'
import { inLayer } from './roles.ts'

/** x + norm(right(left(x))): the low-rank branch of LAuReL (Menghani et al., 2024, arXiv:2411.07501). */
export function runLowRank(x: Tensor, { weights, layer, taps }: LayerPass): Tensor {
  const [left, right] = [inLayer(layer, 'lowRank.left'), inLayer(layer, 'lowRank.right')]
  taps?.linear?.([left], x)
  using narrow = weights.device.scope(() => weights.linear(x, left))
  taps?.linear?.([right], narrow)
  return weights.device.scope(() => {
    const said = weights.norm(weights.linear(narrow, right), inLayer(layer, 'lowRank.norm'))
    return binary('add', x, said, { out: said })
  })
}
