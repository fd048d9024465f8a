import { expect, test } from 'vitest'
import { normalNumbers } from './random.ts'
import { relativeError } from './relative-error.ts'

test('it tells equal, close and unrelated numbers apart', () => {
  const [a, b] = [normalNumbers(10_000, 1), normalNumbers(10_000, 2)]
  expect(relativeError(a, a)).toBe(0)
  expect(
    relativeError(
      a.map(value => value * 1.01),
      a,
    ),
  ).toBeCloseTo(0.01, 5)
  expect(relativeError(a, b)).toBeCloseTo(Math.SQRT2, 1)
  expect(relativeError(Float32Array.of(Number.NaN), Float32Array.of(1))).toBeNaN()
  expect(() => relativeError([1], [1, 2])).toThrow('expected 2 numbers')
})

test('random numbers have mean 0 and variance 1, and repeat', () => {
  const numbers = normalNumbers(100_000, 3)
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length
  expect(mean).toBeCloseTo(0, 1)
  expect(variance).toBeCloseTo(1, 1)
  expect(normalNumbers(100, 3)).toEqual(numbers.subarray(0, 100))
})
