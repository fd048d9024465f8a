import { Tensor } from '@tersor/core-tensor'
import { binary, gather, reduce, softmax, topK } from '@tersor/core-tensor/reference'
import { columns } from './columns.ts'
import type { Experts, FeedForward } from './config.ts'
import type { LayerPass } from './layer.ts'
import { runNetwork } from './network.ts'

/**
 * A mixture of experts on a device whose numbers cannot be looked at while it runs: every expert sees every token, and its
 * word counts by its share, which is 0 where the token did not choose it.
 *
 * @param logits  (tokens, experts) of the router
 */
export function everyExpert(
  h: Tensor,
  logits: Tensor,
  op: FeedForward,
  experts: Experts,
  prefix: string,
  pass: LayerPass,
): Tensor {
  const { device } = h
  using shares = device.scope(() => sharesOf(logits, experts))
  const sum = device.empty('float32', h.dims)
  for (let expert = 0; expert < experts.count; expert++) {
    using said = runNetwork(op, h, `${prefix}experts.${expert}.`, pass)
    device.scope(() => binary('add', sum, binary('mul', said, columns(shares, expert, 1)), { out: sum }))
  }
  return sum
}

/** (tokens, experts) how much each expert's word counts; 0 for all but the chosen ones. */
function sharesOf(logits: Tensor, { count, perToken, normalise }: Experts): Tensor {
  const { device } = logits
  const tokens = logits.dims[0]!
  const { values, indices } = topK(normalise ? logits : softmax(logits), { k: perToken })
  const chosen = normalise ? softmax(values) : values
  const identity = Float32Array.from({ length: count * count }, (_, at) => (at % (count + 1) === 0 ? 1 : 0))
  const table = device.upload(new Tensor('float32', identity, [count, count]))
  const marks = gather(table, indices.reshape([tokens * perToken]), { axis: 0 })
  const weighted = binary('mul', marks, chosen.reshape([tokens * perToken, 1]))
  return reduce('sum', weighted.reshape([tokens, perToken, count]), { axis: 1 })
}
