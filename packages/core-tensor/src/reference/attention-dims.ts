import { isWhole, requireDims, sameDims } from '../dims.ts'
import type { Encoded } from '../encoded.ts'
import { ShapeError } from '../errors.ts'
import type { AttentionOptions } from '../kernels.ts'
import type { Tensor } from '../tensor.ts'

/** @throws {ShapeError} unless the shapes that `attention` is given fit each other */
export function requireAttentionDims(
  q: Tensor,
  k: Tensor | Encoded,
  v: Tensor | Encoded,
  options: AttentionOptions,
): void {
  const [heads = 0, queries = 0, headDim = 0] = q.dims
  const [kvHeads = 0, capacity = 0] = k.dims
  const { length = capacity, logWeight, keyIndex, lse, mass } = options
  const fits =
    q.dims.length === 3 &&
    kvHeads > 0 &&
    heads % kvHeads === 0 &&
    sameDims(k.dims, [kvHeads, capacity, headDim]) &&
    sameDims(v.dims, k.dims) &&
    isWhole(length, capacity)
  if (!fits) {
    throw new ShapeError(
      `[attention] expected q (heads, queries, headDim), k, v (kvHeads, tokens, headDim), kvHeads dividing heads, ` +
        `length ≤ tokens, got [${q.dims}], [${k.dims}], [${v.dims}], ${length}`,
    )
  }
  const expected = [
    ['logWeight', logWeight, [kvHeads, capacity]],
    ['keyIndex', keyIndex, [kvHeads, keyIndex?.dims[1] ?? 0]],
    ['lse', lse, [heads, queries]],
    ['mass', mass, [heads, capacity]],
  ] as const
  for (const [name, given, dims] of expected) given && requireDims('attention', name, given, dims)
}
