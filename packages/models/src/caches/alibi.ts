import { Tensor } from '@tersor/core-tensor'

/**
 * What attention with linear biases adds to scores: slope · position of the key, as what a query's own position would
 * take away is the same for all keys (Press et al., 2021, arXiv:2108.12409).
 *
 * @param positions  (tokens) int32, in pieces
 * @returns (heads, all tokens)
 */
export function alibiBias(heads: number, positions: readonly Tensor[]): Tensor {
  const at = positions.flatMap(piece => Array.from(piece.data as Int32Array))
  const slopes = alibiSlopes(heads)
  const values = new Float32Array(heads * at.length)
  for (let head = 0; head < heads; head++) {
    for (const [i, position] of at.entries()) values[head * at.length + i] = slopes[head]! * position
  }
  const bias = new Tensor('float32', values, [heads, at.length])
  return positions[0] === undefined ? bias : positions[0].device.upload(bias)
}

/**
 * 2^(−8i / heads) for i from 1 to a power of two; the heads beyond one take every other slope of twice as many.
 */
export function alibiSlopes(heads: number): number[] {
  const whole = 2 ** Math.floor(Math.log2(heads))
  const slopes = Array.from({ length: whole }, (_, i) => 2 ** ((-8 * (i + 1)) / whole))
  for (let i = 0; i < heads - whole; i++) slopes.push(2 ** ((-4 * (2 * i + 1)) / whole))
  return slopes
}
