import { ShapeError } from '@tersor/core-tensor'
import { huggingFaceTokenizer } from '@tersor/models'
import { measureOf } from '@tersor/tasks'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BpeEncoder } from './bpe-encoder.ts'
import { Corpus, tokenizerTexts } from './mixture.ts'
import { bosToken, eosToken, trainTokenizer } from './train-tokenizer.ts'

const texts = [...tokenizerTexts(600_000)]
const { tokenizer: json, config } = trainTokenizer(texts)
const tokenizer = huggingFaceTokenizer(json, { tokenizer: config })
const encoder = new BpeEncoder(json)

describe('trainTokenizer', () => {
  it('gives a vocabulary that the standard library reads', () => {
    expect(tokenizer.vocabSize).toBe(1024)
    expect(tokenizer.bos).toBe(encoder.bos)
    expect(tokenizer.eos).toBe(encoder.eos)
    expect(tokenizer.addsBos).toBe(true)
    expect(new Set(Object.values(json.model.vocab)).size).toBe(1024)
    expect(Object.keys(json.model.vocab).length).toBe(1024)
  })

  it('gives back any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), text => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      }),
      { numRuns: 500 },
    )
    const odd = [
      "a . b , c ? n't",
      '  two  spaces\n\n\ttab\r\n',
      'naïve café 漢字 👩‍👩‍👧 \u0000\uFEFF',
      `${bosToken}<s>${eosToken}`,
    ]
    for (const text of odd) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    for (const text of texts.slice(0, 200)) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
  })

  it('keeps digits and structural characters apart from everything', () => {
    for (const text of ['0123456789', '{}[]()<>:,;.?!"=+-*/_&|\n', ' 7 8']) {
      expect(tokenizer.encode(text).length).toBe(text.length)
    }
    for (const entry of Object.keys(json.model.vocab)) {
      if (entry !== bosToken && entry !== eosToken && entry.length > 1) expect(entry).toMatch(/^Ġ?\p{L}+$/u)
    }
  })

  it('leaves special tokens out of what it decodes, and no text spells one', () => {
    const tokens = [tokenizer.bos!, ...tokenizer.encode('a kite'), tokenizer.eos!]
    expect(tokenizer.decode(tokens)).toBe('a kite')
    expect(tokenizer.encode(`${bosToken}${eosToken}`)).not.toContain(tokenizer.bos)
    expect(tokenizer.encode(`${bosToken}${eosToken}`)).not.toContain(tokenizer.eos)
  })

  it('merges the most frequent pair first, the first in order of those alike', () => {
    const { tokenizer } = trainTokenizer(['ab ab ab cd cd ef ef ab'], { size: 262 })
    expect(tokenizer.model.merges).toEqual([
      ['a', 'b'],
      // " ab", then " cd" and " ef" in the order of their letters
      ['Ġ', 'ab'],
      ['c', 'd'],
      ['e', 'f'],
    ])
  })

  it('is the same for the same text, and says when there is too little', () => {
    expect(trainTokenizer(texts)).toEqual({ tokenizer: json, config })
    expect(() => trainTokenizer(['too little'])).toThrow(ShapeError)
  })
})

describe('BpeEncoder', () => {
  it('encodes as the standard library does', () => {
    const same = (text: string): void => {
      expect(encoder.encode(text)).toEqual(tokenizer.encode(text))
    }
    for (const text of texts.slice(0, 300)) same(text)
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), same), { numRuns: 300 })
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...' abdehilnorstuwTW') }), same), {
      numRuns: 500,
    })
  })

  it('measures as the standard library does, with a hundred words of one token', () => {
    const measure = measureOf(tokenizer)
    expect(encoder.singleTokens).toEqual(measure.singleTokens)
    expect(encoder.singleTokens.length).toBeGreaterThan(80)
    for (const word of encoder.singleTokens) expect(encoder.countTokens(` ${word}`)).toBe(1)
  })

  it('takes less than half of the bytes as tokens', () => {
    const held = new Corpus({ encoder, split: 'held-out', seed: 5 })
    let [tokens, bytes] = [0, 0]
    for (let index = 0; index < 20; index++) {
      const { tokens: window } = held.window(index, 1024)
      tokens += window.length
      bytes += new TextEncoder().encode(tokenizer.decode(window)).length
    }
    expect(bytes / tokens).toBeGreaterThan(2)
  })
})
