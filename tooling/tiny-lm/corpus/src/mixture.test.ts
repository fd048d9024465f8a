import { rngStream } from '@tersor/tasks'
import { describe, expect, it } from 'vitest'
import { BpeEncoder } from './bpe-encoder.ts'
import { lossWeights } from './encode-sample.ts'
import { Corpus, type Family, families, tokenizerTexts } from './mixture.ts'
import {
  crowdShares,
  holderShares,
  lastShares,
  mostlyStories,
  shares,
  storyShares,
  taskShares,
} from './shares.ts'
import { trainTokenizer } from './train-tokenizer.ts'

const encoder = new BpeEncoder(trainTokenizer(tokenizerTexts(600_000)).tokenizer)
const corpus = new Corpus({ encoder, seed: 3 })

describe('Corpus', () => {
  it.each([
    { mixture: 'recall', shares, length: 1024, tolerance: 0.025 },
    { mixture: 'recall', shares, length: 256, tolerance: 0.04 },
    { mixture: 'tasks', shares: taskShares, length: 1024, tolerance: 0.025 },
    { mixture: 'stories', shares: storyShares, length: 1024, tolerance: 0.025 },
    { mixture: 'holders', shares: holderShares, length: 1024, tolerance: 0.025 },
    { mixture: 'mostly stories', shares: mostlyStories, length: 1024, tolerance: 0.025 },
    { mixture: 'crowds', shares: crowdShares, length: 1024, tolerance: 0.025 },
    { mixture: 'last', shares: lastShares, length: 1024, tolerance: 0.025 },
  ])('has the shares of $mixture in windows of $length', ({ shares, length, tolerance }) => {
    const corpus = new Corpus({ encoder, seed: 3, shares })
    const counts = new Map<string, number>()
    const total = 1_500_000
    for (let index = 0; index < total / length; index++) {
      const { borders, families } = corpus.window(index, length)
      for (const [i, family] of families.entries()) {
        counts.set(family, (counts.get(family) ?? 0) + borders[i + 1]! - borders[i]!)
      }
    }
    for (const [family, share] of Object.entries(shares)) {
      expect(Math.abs((counts.get(family) ?? 0) / total - share), family).toBeLessThan(tolerance)
    }
    expect(counts.get('padding')! / total).toBeLessThan(tolerance)
    expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 10)
  })

  it('draws any window without those before it', () => {
    const again = new Corpus({ encoder, seed: 3 })
    for (const index of [40, 7, 0]) expect(again.window(index, 256)).toEqual(corpus.window(index, 256))
    expect(corpus.window(1, 256)).not.toEqual(corpus.window(0, 256))
    expect(new Corpus({ encoder, seed: 4 }).window(0, 256)).not.toEqual(corpus.window(0, 256))
  })

  it('makes little of what is told for its questions', () => {
    const corpus = new Corpus({ encoder, seed: 3, shares: crowdShares })
    const kinds = new Map<string, Set<number>>()
    for (let index = 0; index < 100; index++) {
      const { weights, borders, families } = corpus.window(index, 512)
      for (const [i, family] of families.entries()) {
        const seen = kinds.get(family) ?? new Set()
        for (const weight of weights.subarray(borders[i]! + 1, borders[i + 1])) seen.add(weight)
        kinds.set(family, seen)
      }
    }
    for (const family of ['quiz', 'inventory', 'crowd', 'holders']) {
      expect([...kinds.get(family)!].sort()).toEqual([Math.fround(lossWeights.quiz), lossWeights.answer])
    }
    expect([...kinds.get('stories')!].sort()).toEqual([Math.fround(lossWeights.rest), lossWeights.answer])
  })

  it('begins each document with the beginning token and ends it with the end token', () => {
    for (let index = 0; index < 50; index++) {
      const { tokens, weights, borders, families } = corpus.window(index, 512)
      expect(borders[0]).toBe(0)
      expect(borders.at(-1)).toBe(512)
      for (const [i, family] of families.entries()) {
        const [start, end] = [borders[i]!, borders[i + 1]!]
        expect(weights[start]).toBe(0)
        if (family === 'padding') {
          expect([...new Set(tokens.subarray(start, end))]).toEqual([encoder.eos])
          expect([...new Set(weights.subarray(start, end))]).toEqual([0])
          continue
        }
        expect(tokens[start]).toBe(encoder.bos)
        expect(tokens.indexOf(encoder.eos, start)).toBe(end - 1)
        const kinds = new Set(weights.subarray(start + 1, end))
        expect(kinds).toContain(Math.fround(lossWeights.rest))
        if (family !== 'text') expect(kinds).toContain(lossWeights.answer)
      }
    }
  })
})

describe.each(Object.entries(families))('%s', (name, draw) => {
  const keys = (split: 'train' | 'held-out', count: number) =>
    Array.from({ length: count }, (_, i) => draw(rngStream(17, i), { split, tokens: 150, measure: encoder }))

  it('never has an instance in both splits', () => {
    const held = keys('held-out', 150)
    const isExempt = (key: string) => name === 'arithmetic' && /^\d[+-]\d$/.test(key)
    const [known, texts] = [new Set(held.map(({ key }) => key)), new Set(held.map(({ text }) => text))]
    for (const { key, text } of keys('train', 400)) {
      if (isExempt(key)) continue
      expect(known).not.toContain(key)
      expect(texts).not.toContain(text)
    }
  })

  it('gives the answers alone the full weight', () => {
    for (const sample of keys('train', 20)) {
      let last = 0
      for (const { start, end } of sample.answers) {
        expect(start).toBeGreaterThanOrEqual(last)
        expect(end).toBeGreaterThan(start)
        last = end
        // The tokens before and behind an answer do not reach into it.
        const parts = [sample.text.slice(0, start), sample.text.slice(start, end), sample.text.slice(end)]
        const apart = parts.flatMap(part => [...encoder.encode(part)])
        expect(apart).toEqual([...encoder.encode(sample.text)])
      }
    }
  })

  it('is of its family', () => {
    const family: Family = name as Family
    expect(draw(rngStream(1, 1), { measure: encoder }).family).toBe(family)
  })
})
