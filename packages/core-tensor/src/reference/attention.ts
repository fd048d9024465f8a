import { requireDims, sameDims } from '../dims.ts'
import { decode, type Encoded } from '../encoded.ts'
import { ShapeError } from '../errors.ts'
import { type AttentionOptions, kernel } from '../kernels.ts'
import type { Tensor } from '../tensor.ts'
import { attend } from './attend.ts'
import { rope } from './rope.ts'

/**
 * Scaled dot-product attention, softmax(scale · q·kᵀ + logWeight)·v, with grouped query heads:
 * query head h reads key head ⌊h · kvHeads / heads⌋. A query that sees no key gives zeros. Values
 * are finite also where they are masked: a weight of 0 times infinity is not a number.
 *
 * @param q  (heads, queries, headDim), rotated
 * @param k  (kvHeads, tokens, headDim), a tensor or an encoding; rotated unless `rope` is given
 * @param v  (kvHeads, tokens, headDim), likewise
 * @returns (heads, queries, headDim) float32
 * @throws {ShapeError} when the shapes do not fit or a key index is out of range
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
  checkDims(q, k, v, options)
  return q.device.scope(() => {
    const { device } = q
    const decodedKeys = decode(k, { device })
    const keys = options.rope === undefined ? decodedKeys : rope(decodedKeys, options.rope)
    return attend(q, keys, decode(v, { device }), options)
  })
}

function checkDims(q: Tensor, k: Tensor | Encoded, v: Tensor | Encoded, options: AttentionOptions): void {
  const [heads = 0, queries = 0, headDim = 0] = q.dims
  const [kvHeads = 0, capacity = 0] = k.dims
  const { length = capacity, logWeight, keyIndex, lse, mass } = options
  const fits =
    q.dims.length === 3 &&
    kvHeads > 0 &&
    heads % kvHeads === 0 &&
    sameDims(k.dims, [kvHeads, capacity, headDim]) &&
    sameDims(v.dims, k.dims) &&
    Number.isInteger(length) &&
    length >= 0 &&
    length <= capacity
  if (!fits) {
    throw new ShapeError(
      `[attention] expected q (heads, queries, headDim), k and v (kvHeads, tokens, headDim), kvHeads dividing heads, ` +
        `length ≤ tokens, got [${q.dims}], [${k.dims}], [${v.dims}], length ${length}`,
    )
  }
  const expect = (name: string, given: Tensor | undefined, dims: readonly number[]) => {
    if (given !== undefined) requireDims('attention', name, given, dims)
  }
  expect('logWeight', logWeight, [kvHeads, capacity])
  expect('keyIndex', keyIndex, [kvHeads, keyIndex?.dims[1] ?? 0])
  expect('lse', lse, [heads, queries])
  expect('mass', mass, [heads, capacity])
}
