import { Rng, ShapeError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { spearman } from './spearman.ts'

describe('spearman', () => {
  it('is 1 − 6 Σd² / n(n² − 1) where no numbers are equal', () => {
    const rng = new Rng(5)
    const n = 200
    const a = Array.from({ length: n }, () => rng.normal())
    const b = a.map(x => x + rng.normal())
    const rank = (list: readonly number[], x: number) => list.filter(other => other < x).length
    const squares = a.reduce((sum, x, i) => sum + (rank(a, x) - rank(b, b[i]!)) ** 2, 0)
    expect(spearman(a, b)).toBeCloseTo(1 - (6 * squares) / (n * (n * n - 1)), 12)
  })

  it('gives equal numbers the mean of their ranks', () => {
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / √(4.5 · 5).
    expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12)
  })

  it('sees the order alone, and its reverse', () => {
    const a = [0.1, 3, -2, 7]
    expect(spearman(a, a.map(Math.exp))).toBeCloseTo(1, 12)
    expect(
      spearman(
        a,
        a.map(x => -(x ** 3)),
      ),
    ).toBeCloseTo(-1, 12)
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN()
    expect(spearman([], [])).toBeNaN()
  })

  it('refuses lists of other lengths and what has no order', () => {
    expect(() => spearman([1], [1, 2])).toThrow(ShapeError)
    expect(() => spearman([1, Number.NaN], [1, 2])).toThrow(/got NaN at 1/)
  })
})
