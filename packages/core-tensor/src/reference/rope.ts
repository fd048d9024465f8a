import { kernel } from '../device/kernel.ts'
import type { RopeLayout, RopeOptions } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'
import { floatType, output } from './output.ts'
import { requireNumber, requireOneOf } from './required.ts'

/** Which elements of a head turn together. */
export const ropeLayouts: readonly RopeLayout[] = ['half', 'interleaved']

/**
 * What cosines and sines are multiplied by: `scale`, or what takes it back.
 *
 * @throws {ShapeError} for a scale that is not a number, or is 0
 */
export function ropeScale({ scale = 1, inverse = false }: RopeOptions): { cos: number; sin: number } {
  requireNumber('rope', 'a scale', scale)
  if (scale === 0) throw new ShapeError('[rope] expected a scale other than 0, which leaves nothing to turn')
  return inverse ? { cos: 1 / scale, sin: -1 / scale } : { cos: scale, sin: scale }
}

/**
 * Rotary position embedding (Su et al., 2021, arXiv:2104.09864): turns each pair of elements of a
 * token by position · frequency, and multiplies it by `scale`. Elements past 2 · frequencies.size pass unchanged.
 *
 * @param x  (…, tokens, headDim)
 * @param options.positions  (tokens)
 * @param options.frequencies  (pairs) radians per position, pairs ≤ headDim / 2
 * @example
 * const positions = new Tensor('int32', [0, 3], [2])
 * const frequencies = new Tensor('float64', [1, 0.01], [2])
 * const x = new Tensor('float32', new Float32Array(8), [2, 4])
 * rope(x, { positions, frequencies, layout: 'half' }).dims // => [2, 4]
 */
export const rope = /* @__PURE__ */ kernel('rope', ropeReference)

function ropeReference(x: Tensor, options: RopeOptions): Tensor {
  const { positions, frequencies, layout } = options
  requireOneOf('rope', 'a layout', layout, ropeLayouts)
  const scale = ropeScale(options)
  const [tokens, headDim] = x.dims.slice(-2) as [number, number]
  const pairs = frequencies.size
  if (x.dims.length < 2 || positions.size !== tokens || 2 * pairs > headDim) {
    throw new ShapeError(
      `[rope] expected x (…, tokens, headDim), positions (tokens) and at most headDim / 2 frequencies, ` +
        `got [${x.dims}], [${positions.dims}] and [${frequencies.dims}]`,
    )
  }
  const { values, done } = output('rope', x.device, floatType(x), x.dims, options)
  const data = floats(x)
  values.set(data)
  const cos = new Float64Array(tokens * pairs)
  const sin = new Float64Array(tokens * pairs)
  const at = numbersOf(positions)
  const turn = numbersOf(frequencies)
  for (let t = 0; t < tokens; t++) {
    for (let p = 0; p < pairs; p++) {
      const angle = at[t]! * turn[p]!
      cos[t * pairs + p] = Math.cos(angle) * scale.cos
      sin[t * pairs + p] = Math.sin(angle) * scale.sin
    }
  }
  const [near, far] = layout === 'half' ? [1, pairs] : [2, 1]
  const rows = x.size / Math.max(headDim, 1)
  for (let row = 0; row < rows; row++) {
    const angles = (row % tokens) * pairs
    for (let p = 0; p < pairs; p++) {
      const i = row * headDim + p * near
      const j = i + far
      const a = data[i]!
      const b = data[j]!
      values[i] = a * cos[angles + p]! - b * sin[angles + p]!
      values[j] = a * sin[angles + p]! + b * cos[angles + p]!
    }
  }
  return done()
}
