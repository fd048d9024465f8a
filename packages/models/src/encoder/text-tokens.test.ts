import { ShapeError, type Tokenizer } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textTokens } from './text-tokens.ts'

/** A token for each character, 1 before and 2, 3 behind a text. */
const tokenizer: Tokenizer = {
  ...{ vocabSize: 200, bos: 1, eos: 3, ends: [3], addsBos: true, specialTokens: {} },
  idOf: () => undefined,
  encode(text, { addSpecial = false } = {}) {
    const own = Array.from(text, character => character.charCodeAt(0))
    return Int32Array.from(addSpecial ? [1, ...own, 2, 3] : own)
  },
  decode: () => '',
}

const cut = (text: string, maxTokens: number, truncate = true) =>
  textTokens(tokenizer, text, { maxTokens, truncate })

describe('textTokens', () => {
  it('cuts the end of a text, and keeps the special tokens', () => {
    expect([...cut('abc', 6)]).toEqual([1, 97, 98, 99, 2, 3])
    expect([...cut('abc', 5)]).toEqual([1, 97, 98, 2, 3])
    expect([...cut('abc', 4)]).toEqual([1, 97, 2, 3])
  })

  it('never gives more than asked for, nor less where there is more', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 })
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 30 }), (written, most) => {
        const tokens = [...cut(written, most)]
        expect(tokens).toHaveLength(Math.min(most, written.length + 3))
        expect(tokens.slice(1, -2)).toEqual([...tokenizer.encode(written)].slice(0, most - 3))
      }),
    )
  })

  it('refuses what may not be cut, and no room for text', () => {
    expect(() => cut('abc', 5, false)).toThrow(/at most 5 tokens, got 6 in 'abc'/)
    expect(() => cut('abc', 3)).toThrow(ShapeError)
  })
})
