import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sharedResult } from './shared-result.ts'

it('works a formula out once for the same numbers, and anew for any others', () => {
  const asked: string[] = []
  const sum = (name: string, ...inputs: readonly (readonly number[])[]) => {
    const text = `${name}: ${JSON.stringify(inputs)}`
    return sharedResult(name, inputs, () => {
      asked.push(text)
      return text
    })
  }
  const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 4 })
  fc.assert(
    fc.property(fc.constantFrom('a', 'b'), numbers, numbers, (name, x, y) => {
      // JSON writes −0 as 0; to formulas they differ.
      fc.pre(![...x, ...y].some(value => Object.is(value, -0)))
      expect(sum(name, x, y)).toBe(`${name}: ${JSON.stringify([x, y])}`)
    }),
  )
  expect(new Set(asked).size).toBe(asked.length)
  expect(sharedResult('zero', [[0]], () => 1)).toBe(1)
  expect(sharedResult('zero', [[-0]], () => 2)).toBe(2)
  expect(sharedResult('zero', [[0]], () => 3)).toBe(1)
})
