import type { PoolingKind } from './pooling.ts'

export interface PoolOptions {
  readonly kind: PoolingKind
  /** Divides the vector by its Euclidean length; one of zeros stays. */
  readonly normalize: boolean
}

/**
 * One vector for the tokens of a text. Sums run in float64.
 *
 * @param hidden  (tokens, width)
 * @param width  elements of a token
 * @returns (width)
 */
export function pool(hidden: Float32Array, width: number, { kind, normalize }: PoolOptions): Float32Array {
  const vector = pooled[kind](hidden, width)
  if (!normalize) return Float32Array.from(vector)
  const length = Math.sqrt(vector.reduce((sum, element) => sum + element * element, 0))
  return Float32Array.from(vector, element => (length === 0 ? 0 : element / length))
}

const pooled: Record<PoolingKind, (hidden: Float32Array, width: number) => Float64Array> = {
  mean(hidden, width) {
    const sum = new Float64Array(width)
    for (const [i, element] of hidden.entries()) sum[i % width]! += element
    return sum.map(element => (element * width) / hidden.length)
  },
  cls: (hidden, width) => Float64Array.from(hidden.subarray(0, width)),
  max(hidden, width) {
    const most = new Float64Array(width).fill(Number.NEGATIVE_INFINITY)
    for (const [i, element] of hidden.entries()) most[i % width] = Math.max(most[i % width]!, element)
    return most
  },
}
