import { describe, expect, it } from 'vitest'
import { Rng } from '../rng.ts'
import { fastExp, powersOfTwo } from './fast-exp.ts'

describe('fastExp', () => {
  const table = powersOfTwo()

  it('is within 10⁻⁸ of the exponential down to e⁻¹⁰⁴', () => {
    const rng = new Rng(61)
    for (let i = 0; i < 20_000; i++) {
      const x = -104 * rng.uniform() ** 3
      expect(Math.abs(fastExp(x, table) / Math.exp(x) - 1)).toBeLessThan(1e-8)
    }
    expect(fastExp(-104, table) / Math.exp(-104)).toBeCloseTo(1, 8)
  })

  it('is exact at 0, 0 far below, and keeps NaN', () => {
    expect(fastExp(0, table)).toBe(1)
    expect(fastExp(-104.001, table)).toBe(0)
    expect(fastExp(-Infinity, table)).toBe(0)
    expect(fastExp(NaN, table)).toBeNaN()
  })
})
