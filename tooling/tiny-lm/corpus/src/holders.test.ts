import { Rng } from '@tersor/core-tensor'
import { estimatedMeasure, splitOf } from '@tersor/tasks'
import { describe, expect, it } from 'vitest'
import { holders } from './holders.ts'

const draw = (count: number, options = {}) => {
  const rng = new Rng(22)
  return Array.from({ length: count }, () => holders(rng, { tokens: 400, ...options }))
}

/** The words of a statement or a question that begin with a capital or follow `the`. */
const statement =
  /(?:(?<place>In the \w+) )?(?:The (?<thing>\w+): (?<after>\w+)|(?<before>\w+) (?:(?:has|takes|picked up|sat with) the )?(?<thing2>\w+))\./g
const question = /Q: Who (?:has|is holding|carries) the (\w+)(?: now)?\?\nA: (\w+)/g

describe('holders', () => {
  it('asks who has a thing, and the text has told it', () => {
    let asked = 0
    for (const { text, answers } of draw(200)) {
      const told = new Map<string, string>()
      for (const { groups } of text.split('\n')[0]!.matchAll(statement)) {
        const { thing, after, before, thing2 } = groups!
        if (thing !== undefined) told.set(thing, after!)
        else if (!['smiles', 'nods', 'waits', 'laughs'].includes(thing2!)) told.set(thing2!, before!)
      }
      const questions = [...text.matchAll(question)]
      for (const [, thing, name] of questions) expect(told.get(thing!), `${thing} in\n${text}`).toBe(name)
      expect(
        answers.filter(({ kind }) => kind === 'who-has').map(({ start, end }) => text.slice(start, end)),
      ).toEqual(questions.map(([, , name]) => ` ${name}`))
      asked += questions.length
    }
    expect(asked).toBeGreaterThan(1000)
  })

  it('names the holder before the thing in two statements of three', () => {
    const told = draw(300).map(({ text }) => text.split('\n')[0]!)
    const after = told.flatMap(text => [...text.matchAll(/The \w+: /g)]).length
    const echoed = told.flatMap(text => [...text.matchAll(/ (?:smiles|nods|waits|laughs)\./g)]).length
    const all = told.flatMap(text => [...text.matchAll(/\./g)]).length - echoed
    expect(after / all).toBeCloseTo(1 / 3, 1)
    expect(echoed / all).toBeCloseTo(1 / 2, 1)
  })

  it('marks the names that a holder is called by once more', () => {
    for (const { text, answers } of draw(100)) {
      for (const { start, end } of answers.filter(({ kind }) => kind === 'echo')) {
        const name = text.slice(start + 1, end)
        expect(text.slice(0, start)).toContain(name)
        expect(text.slice(end)).toMatch(/^ (?:smiles|nods|waits|laughs)\./)
      }
    }
  })

  it('asks in no order that the story gives away', () => {
    const first = draw(400).filter(({ text }) => {
      const [story, ...rest] = text.split('\n')
      const [, , name] = [...rest.join('\n').matchAll(question)][0]!
      return story!.includes(name!) && story!.indexOf(name!) < story!.length / 4
    })
    expect(first.length / 400).toBeGreaterThan(0.15)
    expect(first.length / 400).toBeLessThan(0.5)
  })

  it('keeps to its tokens and its split', () => {
    for (const split of ['train', 'held-out'] as const) {
      for (const tokens of [70, 150, 400]) {
        for (const { text, key } of draw(50, { tokens, split })) {
          expect(estimatedMeasure.countTokens(text)).toBeLessThanOrEqual(tokens)
          expect(splitOf('holders', key)).toBe(split)
        }
      }
    }
  })
})
