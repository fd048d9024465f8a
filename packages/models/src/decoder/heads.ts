import type { Tensor } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'

/** (tokens, heads · headDim) to (heads, tokens, headDim) */
export function splitHeads(x: Tensor, heads: number, headDim: number): Tensor {
  return transpose(x.reshape([x.dims[0]!, heads, headDim]), [1, 0, 2])
}

/** (heads, tokens, headDim) to (tokens, heads · headDim) */
export function joinHeads(x: Tensor): Tensor {
  const [heads, tokens, headDim] = x.dims as [number, number, number]
  return transpose(x, [1, 0, 2]).reshape([tokens, heads * headDim])
}
