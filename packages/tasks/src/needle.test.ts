import { Rng } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { needle } from './needle.ts'
import { estimatedMeasure } from './text-measure.ts'

const draw = (count: number, options = {}) => {
  const rng = new Rng(12)
  return Array.from({ length: count }, () => needle(rng, { tokens: 1000, ...options }))
}

/** The relation and the subject of a question. */
function askedFor(question: string): string[] {
  const of = /the (\w+) of ((?:the )?\w+)[?.]/.exec(question)
  return (of ?? /Which (\w+) does ((?:the )?\w+) have/.exec(question)!).slice(1)
}

describe('needle', () => {
  it('asks for what one sentence before states about the same subject, and nothing else does', () => {
    for (const { text, answers } of draw(100)) {
      expect(answers.length).toBeGreaterThanOrEqual(8)
      expect(answers.length).toBeLessThanOrEqual(16)
      for (const { start, end, source } of answers) {
        const answer = text.slice(start, end)
        const question = text.slice(text.lastIndexOf('Q:', start), start)
        const [relation, subject] = askedFor(question)
        const facts = text
          .slice(0, start)
          .split(/(?<=[.?!"]) |\n/)
          .map(line => /^(.*(?: is|:| has the \w+))( .*)\.$/.exec(line))
          .filter(fact => fact !== null && fact[1]!.includes(` ${relation} `.trimEnd()))
          .filter(fact => new RegExp(`(^| )${subject}\\b`).test(fact![1]!))
        expect(
          facts.map(fact => fact![2]),
          question,
        ).toEqual([answer])
        expect(text.startsWith(answer, source)).toBe(true)
      }
    }
  })

  it('draws answers of three to five words, each word equally likely', () => {
    const words = ['red', 'blue', 'green', 'cat']
    const counts = new Map<string, number>()
    const lengths = new Map<number, number>()
    for (const { text, answers } of draw(200, { measure: { ...estimatedMeasure, singleTokens: words } })) {
      for (const { start, end } of answers) {
        const answer = text.slice(start + 1, end).split(' ')
        lengths.set(answer.length, (lengths.get(answer.length) ?? 0) + 1)
        for (const word of answer) counts.set(word, (counts.get(word) ?? 0) + 1)
      }
    }
    expect([...lengths.keys()].sort()).toEqual([3, 4, 5])
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    for (const word of words) expect(counts.get(word)! / total).toBeCloseTo(0.25, 1)
  })

  it('asks from all distances alike', () => {
    const distances = draw(400).flatMap(({ text, answers }) =>
      answers.map(({ start, source }) => estimatedMeasure.countTokens(text.slice(source, start)) / 1000),
    )
    distances.sort((a, b) => a - b)
    // The greatest gap between their distribution and the uniform one, which ends before 1 because a question takes room.
    const gap = Math.max(...distances.map((d, i) => Math.abs(d / 0.97 - i / distances.length)))
    expect(distances.length).toBeGreaterThan(4000)
    expect(gap).toBeLessThan(0.06)
    expect(distances.at(-1)).toBeGreaterThan(0.9)
  })

  it('keeps to its length, and nearly fills it', () => {
    const rng = new Rng(2)
    for (let tokens = 64; tokens < 1000; tokens += 17) {
      const length = estimatedMeasure.countTokens(needle(rng, { tokens }).text)
      expect(length).toBeLessThanOrEqual(tokens)
      expect(length).toBeGreaterThan(tokens - 40)
    }
  })

  it('repeats itself with the seed, and shares no fact list between the splits', () => {
    expect(draw(3)).toEqual(draw(3))
    const held = new Set(draw(100, { split: 'held-out' }).map(({ key }) => key))
    expect(draw(300).filter(({ key }) => held.has(key))).toEqual([])
  })
})
