import { describe, expect, it } from 'vitest'
import { Tensor } from '../tensor/tensor.ts'
import { allcloseProblem, installMatchers } from './allclose.ts'

installMatchers()

describe('toBeAllclose', () => {
  it('allows rtol of what is expected plus atol', () => {
    expect([1.0009, -100.09]).toBeAllclose([1, -100], { rtol: 1e-3, atol: 0 })
    expect([0.9e-3]).toBeAllclose([0], { rtol: 0, atol: 1e-3 })
    expect([1.0011]).not.toBeAllclose([1], { rtol: 1e-3, atol: 0 })
    expect([1 + 1e-6]).toBeAllclose([1])
    expect([1 + 1e-4]).not.toBeAllclose([1])
  })

  it('takes NaN for NaN and infinities for themselves only', () => {
    expect([NaN, Infinity, -0]).toBeAllclose([NaN, Infinity, 0])
    for (const [a, b] of [
      [NaN, 0],
      [0, NaN],
      [Infinity, -Infinity],
      [1, Infinity],
      [Infinity, 1e308],
    ] as const) {
      expect([a]).not.toBeAllclose([b], { rtol: 1, atol: 1e6 })
    }
    expect([1, 2]).not.toBeAllclose([1])
  })

  it('names the first of the worst elements', () => {
    const x = new Tensor('float32', [1, 2, 3, 4, 5, 6], [2, 3])
    expect(allcloseProblem(x, [1, 2.5, 3, 4, 9, 10], { rtol: 0, atol: 0.1 })).toBe(
      'expected element 4 [1,1] to be 9 within 0 · |expected| + 0.1, got 5, off by 4; ' +
        '3 of 6 elements are out of tolerance, this one the most',
    )
    expect(() => expect(x).toBeAllclose([1, 2, 3, 4, 5, 7])).toThrow('expected element 5 [1,2] to be 7')
  })
})
