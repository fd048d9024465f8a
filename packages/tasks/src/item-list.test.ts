import { Rng } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { copy } from './copy.ts'
import { lexicon } from './lexicon.ts'
import { reverse } from './reverse.ts'
import { sort } from './sort.ts'

const inOrder = (items: string[]) =>
  /\d/.test(items[0]!)
    ? items.toSorted((a, b) => Number(a) - Number(b))
    : items.toSorted((a, b) => a.localeCompare(b, 'en'))

describe.each([
  { name: 'copy', draw: copy, expected: (items: string[]) => items },
  { name: 'reverse', draw: reverse, expected: (items: string[]) => [...items].reverse() },
  { name: 'sort', draw: sort, expected: inOrder },
])('$name', ({ draw, expected }) => {
  const rng = new Rng(4)
  const samples = Array.from({ length: 1000 }, () => draw(rng))

  it('answers lists of 8 to 24 different items', () => {
    const lengths = new Set<number>()
    for (const { text, answers } of samples) {
      const [, list, answer] = /^\w+: (.*)\n\w+:( .*)\n$/.exec(text)!
      const items = list!.split(' ')
      lengths.add(items.length)
      expect(new Set(items).size).toBe(items.length)
      expect(answer!.slice(1).split(' ')).toEqual(expected(items))
      expect(text.slice(answers[0]!.start, answers[0]!.end)).toBe(answer)
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual(Array.from({ length: 17 }, (_, i) => i + 8))
  })

  it('repeats itself with the seed, and shares no list between the splits', () => {
    expect(draw(new Rng(8))).toEqual(draw(new Rng(8)))
    const held = new Set(Array.from({ length: 300 }, () => draw(rng, { split: 'held-out' }).text))
    expect(samples.filter(({ text }) => held.has(text))).toEqual([])
  })
})

it('copies every word of the lexicon now and then', () => {
  const rng = new Rng(9)
  const seen = new Set<string>()
  for (let i = 0; i < 2000; i++) for (const word of copy(rng).text.split(/[\s:]+/)) seen.add(word)
  expect(lexicon.filter(word => !seen.has(word))).toEqual([])
})
