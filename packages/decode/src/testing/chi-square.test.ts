import { Rng } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { chiSquareProblem } from './chi-square.ts'

const fair = [0.25, 0.25, 0.25, 0.25]

describe('chiSquareProblem', () => {
  it('is Pearson’s statistic beside the quantile of the tables', () => {
    // (1050 − 1000)² / 1000 and so on: 2.5 + 2.5 = 5, of 3 degrees of freedom.
    expect(chiSquareProblem([1050, 950, 1000, 1000], fair)).toBeUndefined()
    // 22.5 + 22.5 = 45. The quantile at a probability of 3.2e-5 is 23.5; the approximation is a twentieth above.
    expect(chiSquareProblem([1150, 850, 1000, 1000], fair)).toBe('χ² is 45.0, beyond 24.5')
  })

  it('finds what is drawn of other probabilities', () => {
    const rng = new Rng(1)
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 20_000; i++) counts[Math.floor(rng.uniform() * 4)]!++
    expect(chiSquareProblem(counts, fair)).toBeUndefined()
    expect(chiSquareProblem(counts, [0.26, 0.24, 0.26, 0.24])).toBeDefined()
  })

  it('takes rare outcomes together, and no impossible one', () => {
    expect(chiSquareProblem([1000, 2, 1, 0], [0.997, 0.001, 0.001, 0.001])).toBeUndefined()
    expect(chiSquareProblem([1000, 0, 1], [0.5, 0.5, 0])).toBe(
      'outcome 2 has probability 0 and occurred 1 times',
    )
    expect(chiSquareProblem([1000, 0], [1, 0])).toBeUndefined()
  })
})
