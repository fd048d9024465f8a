import { Rng } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { arithmetic } from './arithmetic.ts'

const draw = (count: number, options = {}) => {
  const rng = new Rng(3)
  return Array.from({ length: count }, () => arithmetic(rng, options))
}

it('adds and subtracts', () => {
  for (const { text, answers } of draw(3000)) {
    const [, a, sign, b, result] = /^(\d{1,3})([+-])(\d{1,3})=(\d+)\n$/.exec(text)!
    expect(Number(result)).toBe(sign === '+' ? Number(a) + Number(b) : Number(a) - Number(b))
    expect(text.slice(answers[0]!.start, answers[0]!.end)).toBe(result)
  }
})

it('draws numbers of the digits that are asked for', () => {
  for (const { text } of draw(300, { operator: '+', digits: 3 })) expect(text).toMatch(/^\d{3}\+\d{3}=/)
})

it('never shares a sum between the splits, in either order, but those of one digit', () => {
  const sums = (split: string) =>
    draw(20_000, { split }).flatMap(({ text }) => {
      const [, a, sign, b] = /^(\d+)([+-])(\d+)/.exec(text)!
      if (a!.length === 1 && b!.length === 1) return []
      return [`${a}${sign}${b}`, ...(sign === '+' ? [`${b}+${a}`] : [])]
    })
  const held = new Set(sums('held-out'))
  expect(held.size).toBeGreaterThan(10_000)
  expect(sums('train').filter(sum => held.has(sum))).toEqual([])
})
