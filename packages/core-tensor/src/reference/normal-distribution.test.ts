import { describe, expect, it } from 'vitest'
import { normalDistribution } from './normal-distribution.ts'

describe('normalDistribution', () => {
  // From its series in 80 decimal digits.
  it.each([
    [-12, 1.776482112077679e-33],
    [-8, 6.220960574271784e-16],
    [-5, 2.866515718791939e-7],
    [-3, 0.0013498980316300946],
    [-2.25, 0.012224472655044703],
    [-1.999, 0.022804176932658883],
    [-1, 0.15865525393145705],
    [-0.5, 0.3085375387259869],
    [-0.001, 0.49960105778608893],
    [0.001, 0.500398942213911],
    [0.7, 0.758036347776927],
    [1.5, 0.9331927987311419],
    [2.5, 0.9937903346742238],
    [6, 0.9999999990134123],
  ])('of %d is right to 14 digits, however small', (x, share) => {
    expect(Math.abs(normalDistribution(x) / share - 1)).toBeLessThan(1e-14)
  })

  it('is a half at 0, and whole at either end', () => {
    expect([-Infinity, 0, Infinity].map(normalDistribution)).toEqual([0, 0.5, 1])
    expect(normalDistribution(NaN)).toBeNaN()
  })
})
