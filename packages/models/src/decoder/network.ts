import type { Tensor } from '@tersor/core-tensor'
import { binary, reduce, unary } from '@tersor/core-tensor/reference'
import { activate } from './activation.ts'
import type { FeedForward } from './config.ts'
import { constant } from './constant.ts'
import type { LayerPass } from './layer.ts'
import { normalQuantile } from './normal-quantile.ts'

/**
 * One network: down(act(gate(x)) ⊙ up(x)), or down(act(up(x))) where it is not gated.
 *
 * @param prefix  of its weights' roles
 * @param out  where the result goes
 */
export function runNetwork(
  op: FeedForward,
  x: Tensor,
  prefix: string,
  { weights, taps }: LayerPass,
  out?: Tensor,
): Tensor {
  const [gate, up, down] = [`${prefix}gate`, `${prefix}up`, `${prefix}down`]
  taps?.linear?.(op.gated ? [gate, up] : [up], x)
  using inner = weights.device.scope(() => {
    const risen = weights.linear(x, up)
    return op.gated ? gatedBy(op, weights.linear(x, gate), risen) : activate(risen, op.activation)
  })
  taps?.linear?.([down], inner)
  return weights.device.scope(() => weights.linear(inner, down, { out }))
}

/** act(gate) ⊙ up, written over the gate. */
function gatedBy({ activation, clamp, sparsity }: FeedForward, gate: Tensor, up: Tensor): Tensor {
  if (clamp !== undefined) return clamped(gate, up, clamp)
  const open = sparsity === undefined || sparsity === 0 ? gate : sparse(gate, sparsity)
  return binary('mul', activate(open, activation), up, { out: open })
}

/** g · σ(alpha · g) · (u + 1) with g at most the limit, and u within it, as gpt-oss has it. */
function clamped(gate: Tensor, up: Tensor, { alpha, limit }: { alpha: number; limit: number }): Tensor {
  const number = (value: number) => constant(gate.device, value)
  const g = atMost(gate, limit)
  const u = binary('max', atMost(up, limit), number(-limit))
  const open = binary('mul', g, unary('sigmoid', binary('mul', g, number(alpha))))
  return binary('mul', open, binary('add', u, number(1)), { out: open })
}

function atMost(x: Tensor, limit: number): Tensor {
  const negative = binary('max', unary('neg', x), constant(x.device, -limit))
  return unary('neg', negative, { out: negative })
}

/** relu(g − (mean + Φ⁻¹(sparsity) · deviation)) of each row: about that share of it becomes zero. */
function sparse(gate: Tensor, sparsity: number): Tensor {
  const [tokens, width] = gate.dims as [number, number]
  const number = (value: number) => constant(gate.device, value)
  const mean = binary('mul', reduce('sum', gate, { axis: 1 }).reshape([tokens, 1]), number(1 / width))
  const centred = binary('sub', gate, mean)
  const squares = reduce('sumSquares', centred, { axis: 1 }).reshape([tokens, 1])
  const deviation = unary('sqrt', binary('mul', squares, number(1 / width)))
  const cut = binary('mul', deviation, number(normalQuantile(sparsity)))
  return unary('relu', binary('sub', centred, cut))
}
