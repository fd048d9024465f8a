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

/** Whether a window and a softcap, where they are given, mean something. */
export function fitsScores({ window, softcap }: AttentionOptions): boolean {
  return (
    (window === undefined || (isWhole(window) && window > 0)) &&
    (softcap === undefined || (Number.isFinite(softcap) && softcap > 0))
  )
}

/** @throws {ShapeError} unless the shapes that `attention` is given fit each other, and its numbers mean something */
export function requireAttentionDims(
  q: Tensor,
  k: Tensor | Encoded,
  v: Tensor | Encoded,
  options: AttentionOptions,
): void {
  const { scale, length, logWeight, keyIndex, lse, mass } = options
  requireNumber('attention', 'scale', scale)
  if (!fitsScores(options)) {
    throw new ShapeError(
      `[attention] expected a window of at least 1 key and a softcap above 0, where they are given, ` +
        `got ${options.window} and ${options.softcap}`,
    )
  }
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
