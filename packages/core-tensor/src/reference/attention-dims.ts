import type { AttentionOptions } from '../device/kernels.ts'
import type { Encoded } from '../encoded/encoded.ts'
import { ShapeError } from '../errors.ts'
import { isWhole, requireDims, sameDims } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { requireNumber } from './required.ts'

/** Whether queries, keys, values and the keys in use fit each other. */
export function fitsAttention(
  q: Tensor,
  k: { readonly dims: readonly number[] },
  v: { readonly dims: readonly number[] },
  length: number | undefined,
): boolean {
  const [heads = 0, , headDim = 0] = q.dims
  const [kvHeads = 0, capacity = 0] = k.dims
  return (
    q.dims.length === 3 &&
    kvHeads > 0 &&
    heads % kvHeads === 0 &&
    sameDims(k.dims, [kvHeads, capacity, headDim]) &&
    sameDims(v.dims, k.dims) &&
    (length === undefined || isWhole(length, capacity))
  )
}

/** @throws {ShapeError} unless the shapes that `attention` is given fit each other, and there is a scale */
export function requireAttentionDims(
  q: Tensor,
  k: Tensor | Encoded,
  v: Tensor | Encoded,
  { scale, length, logWeight, keyIndex, lse, mass }: AttentionOptions,
): void {
  requireNumber('attention', 'scale', scale)
  const [heads = 0, queries = 0] = q.dims
  const [kvHeads = 0, capacity = 0] = k.dims
  if (!fitsAttention(q, k, v, length)) {
    throw new ShapeError(
      `[attention] expected q (heads, queries, headDim), k and v (kvHeads, tokens, headDim), kvHeads dividing heads, ` +
        `length ≤ tokens, got [${q.dims}], [${k.dims}], [${v.dims}], length ${length ?? capacity}`,
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
