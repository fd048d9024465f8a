import { kernel } from '../device/kernel.ts'
import { DTypeError, ShapeError } from '../errors.ts'
import { aroundAxis } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { apart } from './elements.ts'
import { checkedIndices } from './gather.ts'
import { floats } from './matmul.ts'

/**
 * out[…, index[i], …] += x[…, i, …] in the order of i: the inverse of `gather`, and its gradient.
 *
 * @param x  as `out`, but index.size along `axis`
 * @param options.out  float32 or float64
 * @returns `out`
 * @example
 * const out = new Tensor('float32', [0, 0, 0], [3])
 * scatterAdd(new Tensor('float32', [1, 2, 4], [3]), new Tensor('int32', [2, 0, 2], [3]), { out, axis: 0 })
 * out.data // => Float32Array [2, 0, 5]
 */
export const scatterAdd = /* @__PURE__ */ kernel('scatterAdd', scatterAddReference)

function scatterAddReference(x: Tensor, index: Tensor, options: { out: Tensor; axis: number }): Tensor {
  const { out } = options
  const { outer, length, inner, axis } = aroundAxis(out.dims, options.axis, 'scatterAdd')
  if (out.type !== 'float32' && out.type !== 'float64')
    throw new DTypeError(`[scatterAdd] expected a float32 or float64 out, got ${out.type}`)
  if (
    x.dims.length !== out.dims.length ||
    x.dims[axis] !== index.size ||
    x.size !== outer * index.size * inner
  ) {
    throw new ShapeError(
      `[scatterAdd] expected x as [${out.dims}] with ${index.size} along axis ${axis}, got [${x.dims}]`,
    )
  }
  const indices = checkedIndices(index, length, 'scatterAdd')
  const sums = out.data as Float32Array | Float64Array
  const data = apart(floats(x), sums)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < indices.length; i++) {
      const to = (o * length + indices[i]!) * inner
      const from = (o * indices.length + i) * inner
      for (let j = 0; j < inner; j++) sums[to + j]! += data[from + j]!
    }
  }
  return out
}
