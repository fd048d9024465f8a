import { Rng, ShapeError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { lexicon, names, objects, places } from './lexicon.ts'
import { splitOf } from './split.ts'
import { stories } from './stories.ts'
import { fillerSentence } from './story-fillers.ts'
import { markUp, readStory } from './testing/read-story.ts'
import { estimatedMeasure } from './text-measure.ts'

const some = (count: number, options = {}) => {
  const rng = new Rng(11)
  return Array.from({ length: count }, (_, i) => stories(rng, { tokens: 100 + (i % 10) * 90, ...options }))
}

describe('stories', () => {
  it('asks what its sentences answer, for a reader who knows nothing else', () => {
    const wrong: string[] = []
    let asked = 0
    for (const { text } of some(400)) {
      for (const { question, given, understood } of readStory(text)) {
        asked++
        if (given !== understood) wrong.push(`${question} ${given}, read ${understood}\n${text}`)
      }
    }
    expect(asked).toBeGreaterThan(2000)
    expect(wrong).toEqual([])
  })

  it('asks several questions at a time where it is told to, each with its answer', () => {
    let most = 0
    for (const { text } of some(100, { eventsBeforeQuestions: [3, 10], questionsAtOnce: [3, 8] })) {
      for (const { given, understood } of readStory(text)) expect(given).toBe(understood)
      for (const questions of text.match(/(Q: .*\nA: .*\n)+/g) ?? []) {
        const asked = questions.match(/^Q: /gm)!.length
        // The last one of a text is alone, or follows those before it.
        expect(asked).toBeLessThanOrEqual(9)
        most = Math.max(most, asked)
      }
    }
    expect(most).toBeGreaterThan(5)
  })

  it('tells of the events that it is to tell of', () => {
    const none = { thing: 0, together: 0, take: 0, drop: 0, give: 0 }
    for (const { text, answers } of some(50, { events: none })) {
      for (const { given, understood } of readStory(text)) expect(given).toBe(understood)
      // Nothing ever lies about.
      expect(answers.every(({ kind }) => kind !== 'where-left')).toBe(true)
    }
  })

  it('asks for nothing but the kinds that are wanted', () => {
    const kinds = new Set(
      some(100, { kinds: ['who-has'] }).flatMap(({ answers }) => answers.map(({ kind }) => kind)),
    )
    expect([...kinds]).toEqual(['who-has'])
    for (const { text } of some(100, { kinds: ['who-has', 'where-left'] }))
      for (const { given, understood } of readStory(text)) expect(given).toBe(understood)
  })

  it('has a cast of the size that is wanted', () => {
    let most = 0
    for (const { text } of some(40, { tokens: 900, castSize: [9, 12], events: { introduce: 100 } })) {
      for (const { given, understood } of readStory(text)) expect(given).toBe(understood)
      const told = new Set(names.filter(name => new RegExp(`\\b${name}\\b`).test(text)))
      expect(told.size).toBeLessThanOrEqual(12)
      most = Math.max(most, told.size)
    }
    expect(most).toBe(12)
    for (const castSize of [
      [1, 4],
      [4, 3],
      [2.5, 4],
      [300, 300],
    ] as const)
      expect(() => some(1, { castSize })).toThrow(ShapeError)
  })

  it('marks every answer and its kind', () => {
    const kinds = new Map<string, number>()
    for (const { text, answers } of some(200)) {
      expect(answers.length).toBe(text.match(/^A:/gm)?.length ?? 0)
      for (const { start, end, kind } of answers) {
        expect(text.slice(start - 2, start)).toBe('A:')
        expect(text[end]).toBe('\n')
        expect(kind === 'who-has' ? names : places).toContain(text.slice(start + 1, end))
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      }
    }
    expect([...kinds.keys()].sort()).toEqual(['where-held', 'where-left', 'where-person', 'who-has'])
    for (const count of kinds.values()) expect(count).toBeGreaterThan(100)
  })

  it('has hundreds of sentence shapes, three tenses, and most of the lexicon', () => {
    const shapes = new Set<string>()
    const words = new Set<string>()
    for (const { text } of some(600, { questions: false })) {
      for (const word of text.match(/\p{L}+/gu)!) words.add(word)
      const marked = markUp(text).replace(/<(\w):[^>]*>/g, '<$1>')
      for (const sentence of marked.split(/(?<=\.) /)) shapes.add(sentence)
    }
    expect(shapes.size).toBeGreaterThan(1500)
    for (const verb of ['went', 'goes', 'gone', 'gave', 'gives', 'given']) expect(words).toContain(verb)
    expect(lexicon.filter(word => words.has(word)).length / lexicon.length).toBeGreaterThan(0.9)
  })

  it('fills the time with sentences about nothing that is asked', () => {
    const rng = new Rng(5)
    const asked = new RegExp(`\\b(${[...places, ...objects].join('|')})\\b`)
    for (let i = 0; i < 3000; i++) expect(fillerSentence(rng)).not.toMatch(asked)
  })

  it('keeps to its length, and nearly fills it', () => {
    const rng = new Rng(2)
    for (let tokens = 64; tokens < 1000; tokens += 37) {
      const length = estimatedMeasure.countTokens(stories(rng, { tokens }).text)
      expect(length).toBeLessThanOrEqual(tokens)
      expect(length).toBeGreaterThan(tokens - 64)
    }
  })

  it('repeats itself with the seed, and is of the split', () => {
    expect(some(20)).toEqual(some(20))
    for (const { key } of some(50, { split: 'held-out' })) expect(splitOf('stories', key)).toBe('held-out')
    for (const { key } of some(50)) expect(splitOf('stories', key)).toBe('train')
  })
})
