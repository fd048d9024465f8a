import { ShapeError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { documentWindows } from './document-windows.ts'

/** A token for each character. */
const tokenizer = (bos: number | undefined): Parameters<typeof documentWindows>[0] => ({
  ...{ bos, addsBos: bos !== undefined },
  encode: text => Int32Array.from(text, char => char.charCodeAt(0)),
})

const document = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'abcdefgh') })

describe('documentWindows', () => {
  it('scores every token of every document once, in windows of one document behind the beginning token', () => {
    fc.assert(
      fc.property(
        fc.array(document, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 2, max: 50 }),
        (documents, contextLength) => {
          const windows = documentWindows(tokenizer(1), documents, { contextLength })
          let scored = ''
          for (const { tokens, from } of windows) {
            expect(tokens[0]).toBe(1)
            expect(tokens.length).toBeLessThanOrEqual(contextLength)
            expect(tokens.indexOf(1, 1)).toBe(-1)
            const text = String.fromCharCode(...tokens.subarray(1))
            expect(documents.some(each => each.includes(text))).toBe(true)
            scored += String.fromCharCode(...tokens.subarray(from))
          }
          expect(scored).toBe(documents.join(''))
          expect(windows.length).toBe(
            documents.reduce((sum, { length }) => sum + Math.ceil(length / (contextLength - 1)), 0),
          )
        },
      ),
      { seed: 1 },
    )
  })

  it('scores from the second token on where there is no beginning token', () => {
    const windows = documentWindows(tokenizer(undefined), ['ab', 'c', 'def'], { contextLength: 8 })
    expect(windows).toEqual([
      { tokens: Int32Array.of(97, 98), from: 1 },
      { tokens: Int32Array.of(100, 101, 102), from: 1 },
    ])
  })

  it('leaves out what has nothing to score, and refuses to be left with nothing', () => {
    expect(documentWindows(tokenizer(1), ['', 'a', ''], { contextLength: 4 })).toHaveLength(1)
    for (const nothing of [[], ['', '']])
      expect(() => documentWindows(tokenizer(1), nothing, { contextLength: 4 })).toThrow(ShapeError)
    expect(() => documentWindows(tokenizer(1), ['ab'], { contextLength: 1 })).toThrow(ShapeError)
    expect(documentWindows(tokenizer(1), ['abcd'], { contextLength: 4, stride: 1 })).toHaveLength(2)
  })
})
