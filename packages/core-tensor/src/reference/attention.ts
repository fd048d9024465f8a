import { kernel } from '../device/kernel.ts'
import type { AttentionOptions } from '../device/kernels.ts'
import { decode, type Encoded } from '../encoded/encoded.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { attend } from './attend.ts'
import { requireAttentionDims } from './attention-dims.ts'
import { rope } from './rope.ts'

/**
 * Scaled dot-product attention, softmax(scale · q·kᵀ + logWeight)·v, with grouped query heads:
 * query head h reads key head ⌊h · kvHeads / heads⌋. A `window` hides keys that are further away, and
 * a `softcap` bounds the scaled scores (Gemma 2, 2024, arXiv:2408.00118). A query that sees no key gives zeros. Values
 * are finite also where they are masked: a weight of 0 times infinity is not a number.
 *
 * @param q  (heads, queries, headDim), rotated
 * @param k  (kvHeads, tokens, headDim), a tensor or an encoding; rotated unless `rope` is given
 * @param v  (kvHeads, tokens, headDim), likewise
 * @returns (heads, queries, headDim) float32
 * @throws {ShapeError} when the shapes do not fit, a key index is out of range, or an option means nothing
 * @example
 * const q = new Tensor('float32', [1, 0], [1, 1, 2])
 * const k = new Tensor('float32', [0, 0, 0, 0], [1, 2, 2])
 * const v = new Tensor('float32', [1, 2, 3, 4], [1, 2, 2])
 * attention(q, k, v, { scale: 1 }).data // => Float32Array [2, 3]
 */
export const attention = /* @__PURE__ */ kernel('attention', attentionReference)

function attentionReference(
  q: Tensor,
  k: Tensor | Encoded,
  v: Tensor | Encoded,
  options: AttentionOptions,
): Tensor {
  requireAttentionDims(q, k, v, options)
  return q.device.scope(() => {
    const { device } = q
    const decodedKeys = decode(k, { device })
    const keys = options.rope === undefined ? decodedKeys : rope(decodedKeys, options.rope)
    return attend(q, keys, decode(v, { device }), options)
  })
}
