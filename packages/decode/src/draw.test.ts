import { Rng, ShapeError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { draw } from './draw.ts'

describe('draw', () => {
  // Text that calibrates is drawn so: other tokens would change the bytes of every calibrated weight.
  it.each([
    [0.7, [1, 7, 7, 18, 15, 10, 1, 1, 10, 11, 1, 18, 7, 10, 19, 1, 1, 15, 1, 10, 15, 1, 1, 16]],
    [1, [2, 11, 11, 20, 18, 15, 1, 1, 15, 15, 1, 21, 11, 15, 21, 1, 1, 18, 1, 15, 15, 10, 1, 19]],
    [1.5, [10, 15, 15, 21, 19, 16, 1, 7, 18, 18, 2, 21, 15, 17, 21, 7, 1, 19, 1, 16, 18, 11, 10, 21]],
  ])('gives the same tokens in every version, at temperature %d', (temperature, tokens) => {
    const normal = new Rng(11)
    const scores = Float32Array.from({ length: 24 }, () => 2 * normal.normal())
    const rng = new Rng(3)
    expect(tokens.map(() => draw(scores, temperature, rng))).toEqual(tokens)
  })

  it('takes one number from the generator, and the token under it', () => {
    const scores = Float32Array.of(Math.log(1), Math.log(2), Math.log(5))
    const at = (uniform: number) => draw(scores, 1, { uniform: () => uniform } as Rng)
    expect([0, 0.124, 0.126, 0.374, 0.376, 0.999].map(at)).toEqual([0, 0, 1, 1, 2, 2])
  })

  it('does not fall through to a masked token where the sum was rounded', () => {
    const scores = new Float32Array(1001).fill(-0.1)
    scores[1000] = -Infinity
    expect(draw(scores, 1, { uniform: () => 1 } as Rng)).toBe(999)
  })

  it('refuses a temperature of 0', () => {
    expect(() => draw(Float32Array.of(1), 0, new Rng(1))).toThrow(ShapeError)
  })
})
