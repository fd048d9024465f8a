import { NumericalError, Rng } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import type { Sampler } from '../sampler.ts'
import { chiSquareProblem } from './chi-square.ts'

/** Draws of each comparison with the probabilities. */
const DRAWS = 10_000

/** What a sampler should do. */
export interface SamplerCase {
  sampler: Sampler
  /** How likely each token is to be chosen: the formula, written down anew. */
  probabilities(scores: readonly number[]): readonly number[]
}

/**
 * The conformance suite of samplers: draws have the stated probabilities, a seed decides them, equal scores and tokens
 * of −∞ are treated as stated, and what is no number is refused. It declares a vitest suite.
 *
 * ```ts no-run
 * describeSampler('the first token, whatever the scores', {
 *   sampler: { name: 'first', choose: () => 0 },
 *   probabilities: scores => scores.map((_, i) => (i === 0 ? 1 : 0)),
 * })
 * ```
 */
export function describeSampler(name: string, { sampler, probabilities }: SamplerCase): void {
  const countsOf = (scores: readonly number[], seed: number) => {
    const rng = new Rng(seed)
    const given = Float32Array.from(scores)
    const counts = new Int32Array(scores.length)
    for (let i = 0; i < DRAWS; i++) counts[sampler.choose(given, rng)]!++
    return counts
  }
  const normals = (size: number, spread: number) => {
    const rng = new Rng(size)
    return Array.from({ length: size }, () => Math.fround(spread * rng.normal()))
  }

  describe(name, () => {
    it.each([
      ['a few tokens', normals(5, 1)],
      ['many tokens', normals(50, 2)],
      ['equal scores', [1, 3, 3, 2, 3]],
      ['all scores equal', [0, 0, 0, 0]],
      ['scores far from zero', [1000, 1001, 999.5]],
      ['one of them far ahead', [0, 200, 1]],
      ['masked tokens, the first and the last among them', [-Infinity, 1, 0.5, -Infinity, 2, -Infinity]],
      ['a single token', [-3]],
    ])('chooses as its probabilities say: %s', (_, scores) => {
      expect(chiSquareProblem(countsOf(scores, 7), probabilities(scores))).toBeUndefined()
    })

    it('gives the same tokens for the same seed', () => {
      const scores = Float32Array.from(normals(50, 1))
      const draw = (seed: number) => {
        const rng = new Rng(seed)
        return Array.from({ length: 100 }, () => sampler.choose(scores, rng))
      }
      expect(draw(3)).toEqual(draw(3))
      const certain = probabilities([...scores]).some(probability => probability === 1)
      if (!certain) expect(draw(3)).not.toEqual(draw(4))
    })

    it('leaves the scores as they are, also where they are part of something larger', () => {
      const batch = Float32Array.from(normals(30, 1))
      const before = batch.slice()
      const row = batch.subarray(10, 20)
      expect(sampler.choose(row, new Rng(1))).toBe(sampler.choose(row.slice(), new Rng(1)))
      expect(batch).toEqual(before)
    })

    it.each([
      ['NaN', [1, Number.NaN, 2]],
      ['+∞', [1, Infinity, 2]],
      ['−∞ alone', [-Infinity, -Infinity]],
      ['no scores', []],
    ])('refuses %s', (_, scores) => {
      expect(() => sampler.choose(Float32Array.from(scores), new Rng(1))).toThrow(NumericalError)
    })

    it('is a frozen value with a name', () => {
      expect(sampler.name).toMatch(/^[a-z]\w*$/i)
      expect(Object.isFrozen(sampler)).toBe(true)
    })
  })
}
