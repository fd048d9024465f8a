import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { argmax } from './argmax.ts'

describe('argmax', () => {
  it('finds the first of the largest, whatever stands around it', () => {
    const values = fc.float32Array({ minLength: 1, noNaN: true, noDefaultInfinity: false })
    fc.assert(
      fc.property(values, numbers => {
        expect(argmax(numbers)).toBe(numbers.indexOf(Math.max(...numbers)))
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1 }), numbers => {
        expect(argmax(numbers)).toBe(numbers.indexOf(Math.max(...numbers)))
      }),
    )
  })

  it('takes NaN for no number, and −∞ for one', () => {
    expect(argmax([Number.NaN, 1, Number.NaN, 3, 2])).toBe(3)
    expect(argmax([Number.NaN, -Infinity, -Infinity])).toBe(1)
    expect(argmax([Number.NaN])).toBe(-1)
    expect(argmax([])).toBe(-1)
  })
})
