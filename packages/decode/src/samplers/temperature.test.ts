import { Rng, ShapeError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { describeSampler } from '../testing/describe-sampler.ts'
import { greedy } from './greedy.ts'
import { temperature } from './temperature.ts'

/** e^(score / t) over the sum of all. */
const softmax = (scores: readonly number[], t: number) => {
  const max = Math.max(...scores)
  const weights = scores.map(score => Math.exp((score - max) / t))
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map(weight => weight / total)
}

for (const t of [0.5, 1, 3]) {
  describeSampler(`temperature ${t}`, {
    sampler: temperature(t),
    probabilities: scores => softmax(scores, t),
  })
}

describe('temperature', () => {
  it('ends in greedy at 0, and in equal chances at infinity', () => {
    const [cold, hot] = [temperature(2 ** -1074), temperature(2 ** 1000)]
    const rng = new Rng(5)
    for (let i = 0; i < 50; i++) {
      const scores = Float32Array.from({ length: 20 }, () => rng.normal())
      expect(cold.choose(scores, rng)).toBe(greedy().choose(scores, rng))
    }
    const drawn = Array.from({ length: 400 }, () => hot.choose(Float32Array.of(0, 50), rng))
    expect(Math.abs(drawn.filter(token => token === 0).length - 200)).toBeLessThan(40)
  })

  it('refuses what is no temperature, and names the sampler without one', () => {
    for (const t of [0, -1, Number.NaN, Infinity]) expect(() => temperature(t)).toThrow(ShapeError)
    expect(() => temperature(0)).toThrow(
      '[decode/temperature] expected a temperature above 0, got 0; greedy() takes the likeliest token',
    )
  })
})
