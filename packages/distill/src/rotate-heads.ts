import { ShapeError, type Tensor } from '@tersor/core-tensor'
import { type LlamaConfig, ropeFrequencies } from '@tersor/models'
import { floatData } from './float-data.ts'

/** Cosines and sines of positions 0 to `length` − 1. */
export interface Rotations {
  readonly length: number
  readonly pairs: number
  /** (length, pairs) */
  readonly cos: Float64Array
  /** (length, pairs) */
  readonly sin: Float64Array
  readonly layout: LlamaConfig['ropeLayout']
}

/** The rotations of a model's heads, made once for all layers and windows of a length. */
export function rotationsOf(
  config: Pick<LlamaConfig, 'headDim' | 'ropeBase' | 'ropeLayout'>,
  length: number,
): Rotations {
  const frequencies = ropeFrequencies(config.headDim, config.ropeBase).data as Float64Array
  const pairs = frequencies.length
  const cos = new Float64Array(length * pairs)
  const sin = new Float64Array(length * pairs)
  for (let at = 0; at < cos.length; at++) {
    const angle = Math.floor(at / pairs) * frequencies[at % pairs]!
    cos[at] = Math.cos(angle)
    sin[at] = Math.sin(angle)
  }
  return { length, pairs, cos, sin, layout: config.ropeLayout }
}

/**
 * Rotary positions (Su et al., 2021, arXiv:2104.09864) of heads that lie side by side, in place:
 * row r of x is at position r mod length. A rotation is orthogonal, so its backward pass is the
 * rotation back, `inverse`.
 *
 * Plain loops: core's `rope` wants the heads apart, and takes cosines anew at each call.
 *
 * @param x  (tokens, heads · headDim), tokens a multiple of `rotations.length`
 * @returns x
 * @throws {ShapeError} when the rows do not fit
 */
export function rotateHeads(
  x: Tensor,
  rotations: Rotations,
  { inverse = false }: { inverse?: boolean } = {},
): Tensor {
  const { length, pairs, cos, sin, layout } = rotations
  const [rows = 0, width = 0] = x.dims
  if (x.dims.length !== 2 || rows % length !== 0 || width % (2 * pairs) !== 0) {
    throw new ShapeError(
      `[distill/rotate-heads] expected (tokens, heads · ${2 * pairs}) with tokens a multiple of ${length}, got [${x.dims}]`,
    )
  }
  const values = floatData(x, 'distill/rotate-heads')
  const [near, far] = layout === 'half' ? [1, pairs] : [2, 1]
  const direction = inverse ? -1 : 1
  for (let row = 0; row < rows; row++) {
    const angles = (row % length) * pairs
    for (let head = row * width; head < (row + 1) * width; head += 2 * pairs) {
      for (let p = 0; p < pairs; p++) {
        const i = head + p * near
        const c = cos[angles + p]!
        const s = direction * sin[angles + p]!
        const a = values[i]!
        const b = values[i + far]!
        values[i] = a * c - b * s
        values[i + far] = a * s + b * c
      }
    }
  }
  return x
}
