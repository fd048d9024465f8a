import { Rng } from '@tersor/core-tensor'
import { estimatedMeasure, lexicon } from '@tersor/tasks'
import { describe, expect, it } from 'vitest'
import { keyValue } from './key-value.ts'

const draw = (count: number, options = {}) => {
  const rng = new Rng(21)
  return Array.from({ length: count }, () => keyValue(rng, { tokens: 1000, ...options }))
}

/** The key and the value of a line, and whether it asks. */
function parse(line: string): { key: string; value: string; isQuestion: boolean } {
  const [, mark, key, value] =
    /^(- |\? |set |get |let |print |put |find |\{"key":"|\{"get":"|\[ |\[\? |The value of |So |<row |<find )(.*?)(?::| =| ->|","value":"|,| is|>)( [\w ]+)(?:"\}|;|\]|\.|<\/\w+>)?$/.exec(
      line,
    ) ?? []
  const isQuestion = ['? ', 'get ', 'print ', 'find ', '{"get":"', '[? ', 'So ', '<find '].includes(mark!)
  return { key: key!.trim(), value: value!, isQuestion }
}

describe('keyValue', () => {
  it('asks for records before it, each key of which occurs once', () => {
    for (const { text, answers } of draw(200)) {
      // "set red lamp kite" does not tell where the key ends; the others do.
      if (/^[sg]et /m.test(text)) continue
      const records = new Map<string, string>()
      const asked = new Set<string>()
      for (const line of text.trimEnd().split('\n')) {
        const { key, value, isQuestion } = parse(line)
        if (isQuestion) {
          expect(records.get(key), `${line} in\n${text}`).toBe(value)
          asked.add(key)
        } else {
          expect(records.has(key), `${line} in\n${text}`).toBe(false)
          records.set(key, value)
        }
      }
      expect(asked.size).toBe(answers.length)
      expect(answers.length).toBeGreaterThanOrEqual(8)
      expect(answers.length).toBeLessThanOrEqual(16)
      for (const { start, end, source } of answers) {
        expect(text.startsWith(text.slice(start, end), source)).toBe(true)
      }
    }
  })

  it('asks from all distances alike', () => {
    const distances = draw(300).flatMap(({ text, answers }) =>
      answers.map(({ start, source }) => estimatedMeasure.countTokens(text.slice(source, start)) / 1000),
    )
    distances.sort((a, b) => a - b)
    const gap = Math.max(...distances.map((d, i) => Math.abs(d / 0.99 - i / distances.length)))
    expect(gap).toBeLessThan(0.06)
    expect(distances.at(-1)).toBeGreaterThan(0.93)
  })

  it('has every word of the lexicon among its answers', () => {
    const answered = new Set(
      draw(3000, { tokens: 400 }).flatMap(({ text, answers }) =>
        answers.flatMap(({ start, end }) => text.slice(start, end).split(' ')),
      ),
    )
    expect(lexicon.filter(word => !answered.has(word))).toEqual([])
  })

  it('keeps to its length, repeats itself with the seed, and shares nothing between the splits', () => {
    const rng = new Rng(2)
    for (let tokens = 64; tokens < 1000; tokens += 17) {
      const length = estimatedMeasure.countTokens(keyValue(rng, { tokens }).text)
      expect(length).toBeLessThanOrEqual(tokens)
      expect(length).toBeGreaterThan(tokens - 40)
    }
    expect(draw(3)).toEqual(draw(3))
    const held = new Set(draw(50, { split: 'held-out' }).map(({ key }) => key))
    expect(draw(200).filter(({ key }) => held.has(key))).toEqual([])
  })
})
