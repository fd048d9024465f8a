import { Rng, ShapeError } from '@tersor/core-tensor'
import { exp } from '@tersor/core-tensor/portable-math'
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

  it('gives what portable arithmetic alone gives, also beside the borders of shares', () => {
    const normal = new Rng(12)
    const scores = Float32Array.from({ length: 500 }, () => 3 * normal.normal())
    const max = scores.reduce((a, b) => Math.max(a, b))
    const weights = Float64Array.from(scores, score => exp((score - max) / 0.9))
    const total = weights.reduce((a, b) => a + b, 0)
    const tokenOf = (uniform: number) => {
      let left = uniform * total
      const found = weights.findIndex(weight => {
        left -= weight
        return left < 0
      })
      return found === -1 ? weights.length - 1 : found
    }
    let below = 0
    for (const weight of weights) {
      below += weight
      for (const off of [-1e-6, -1e-10, -1e-15, 0, 1e-15, 1e-10, 1e-6]) {
        const uniform = Math.min(below / total + off, 1 - 2 ** -53)
        expect(draw(scores, 0.9, { uniform: () => uniform } as Rng)).toBe(tokenOf(uniform))
      }
    }
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
