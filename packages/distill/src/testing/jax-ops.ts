import { type DType, nn, numpy as np } from '@jax-js/jax'
import type { RopeLayout, Tensor } from '@tersor/core-tensor'
import type { DecoderConfig } from '@tersor/models'
import { type LlamaShape, llamaShape } from '../llama-shape.ts'
import { ROPE_BASE } from './small-llama.ts'

// The operations of a Llama in jax-js, forward only: its own differentiation gives their gradients. Arrays
// there are counted, and `ref` is one more use; nothing is given back here, as tests end soon.

type Heads = Pick<LlamaShape, 'heads' | 'kvHeads' | 'headDim'>

/** A float32 or int32 tensor there. */
export function jaxArray({ data, dims, type }: Tensor): np.Array {
  const dtype = (type === 'int32' ? np.int32 : np.float32) as DType
  return np.array(data as Float32Array, { shape: [...dims], dtype })
}

/** x·Wᵀ */
export function linear(x: np.Array, weight: np.Array): np.Array {
  return np.matmul(x.ref, weight.ref.transpose())
}

/** x / √(mean(x²) + ε) · g */
export function rmsNorm(x: np.Array, weight: np.Array, epsilon: number): np.Array {
  const mean = np.square(x.ref).mean(-1, { keepdims: true })
  return x.ref.div(np.sqrt(mean.add(epsilon))).mul(weight.ref)
}

/** Rotated heads: x (tokens, heads · headDim) at positions from 0 on. */
export function rope(
  x: np.Array,
  { headDim, ropeBase, ropeLayout }: { headDim: number; ropeBase: number; ropeLayout: RopeLayout },
): np.Array {
  const [tokens, width] = x.shape as [number, number]
  const pairs = headDim / 2
  const angles = Float32Array.from(
    { length: tokens * pairs },
    (_, at) => Math.floor(at / pairs) * ropeBase ** (-(at % pairs) / pairs),
  )
  const turn = np.array(angles, { shape: [tokens, 1, pairs] })
  const [cos, sin] = [np.cos(turn.ref), np.sin(turn)]
  // The two halves of a pair as an axis of their own, wherever they lie.
  const half = ropeLayout === 'half'
  const shape = [tokens, width / headDim, ...(half ? [2, pairs] : [pairs, 2])]
  const [a, b] = np.split(x.ref.reshape(shape), 2, half ? 2 : 3) as [np.Array, np.Array]
  const flat = [tokens, width / headDim, pairs]
  const [near, far] = [a.reshape(flat), b.reshape(flat)]
  const turned = [
    near.ref.mul(cos.ref).sub(far.ref.mul(sin.ref)),
    near.ref.mul(sin.ref).add(far.ref.mul(cos.ref)),
  ]
  return np.stack(turned, half ? 2 : 3).reshape([tokens, width])
}

/** Attention over all tokens, masked at the borders of documents and after the token itself. (`nn.dotProductAttention` wants Node 22.) */
export function attention(
  q: np.Array,
  k: np.Array,
  v: np.Array,
  {
    heads,
    kvHeads,
    headDim,
    borders,
    scale = 1 / Math.sqrt(headDim),
  }: Heads & { borders: ArrayLike<number>; scale?: number },
): np.Array {
  const tokens = q.shape[0]!
  const documents = Array.from({ length: tokens }, (_, i) => Array.from(borders).filter(b => b <= i).length)
  const never = documents.map((own, i) => documents.map((other, j) => (own === other && j <= i ? 0 : -1e30)))
  const split = (x: np.Array, count: number) =>
    np.repeat(x.ref.reshape([tokens, count, headDim]), heads / count, 1).transpose([1, 0, 2])
  const scores = np.matmul(split(q, heads), split(k, kvHeads).transpose([0, 2, 1]))
  const probabilities = nn.softmax(scores.mul(scale).add(np.array(never)), -1)
  return np
    .matmul(probabilities, split(v, kvHeads))
    .transpose([1, 0, 2])
    .reshape([tokens, heads * headDim])
}

/** silu(gate) · up */
export function swiglu(gate: np.Array, up: np.Array): np.Array {
  return nn.silu(gate.ref).mul(up.ref)
}

/** Rows of a table. */
export function embedding(table: np.Array, tokens: Int32Array): np.Array {
  return np.take(table.ref, np.array(tokens, { dtype: np.int32 }), 0)
}

/** Mean cross-entropy with weights. */
export function crossEntropy(
  logits: np.Array,
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
): np.Array {
  const total = Array.from(weights).reduce((a, b) => a + b, 0)
  const shares = Float32Array.from(weights, weight => weight / total)
  const chosen = nn.oneHot(np.array(Int32Array.from(targets), { dtype: np.int32 }), logits.shape[1]!)
  const losses = nn.logSoftmax(logits.ref, -1).mul(chosen).sum(-1).neg()
  return losses.mul(np.array(shares)).sum()
}

/** The loss of a whole model on rows of documents, by roles of weights. */
export function llamaLoss(
  config: DecoderConfig,
  weights: Readonly<Record<string, np.Array>>,
  rows: {
    tokens: Int32Array
    targets: ArrayLike<number>
    weights: ArrayLike<number>
    borders: ArrayLike<number>
  },
): np.Array {
  const shape = llamaShape(config)
  const { epsilon, headDim } = shape
  const turns = { headDim, ropeBase: ROPE_BASE, ropeLayout: shape.rope.layout }
  const table = weights['embedding.tokens']!
  let x = embedding(table, rows.tokens)
  for (let layer = 0; layer < shape.layers; layer++) {
    const of = (name: string) => weights[`layers.${layer}.${name}`]!
    const normed = rmsNorm(x, of('attention.before'), epsilon)
    const q = rope(linear(normed, of('attention.query')), turns)
    const k = rope(linear(normed, of('attention.key')), turns)
    const v = linear(normed, of('attention.value'))
    const attended = attention(q, k, v, { ...shape, borders: rows.borders })
    x = x.ref.add(linear(attended, of('attention.output')))
    const inner = rmsNorm(x, of('feedForward.before'), epsilon)
    const gated = swiglu(linear(inner, of('feedForward.gate')), linear(inner, of('feedForward.up')))
    x = x.ref.add(linear(gated, of('feedForward.down')))
  }
  const last = rmsNorm(x, weights.norm!, epsilon)
  const logits = linear(last, shape.tied ? table : weights.head!)
  return crossEntropy(logits, rows.targets, rows.weights)
}
