import type { Tokenizer } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { lexicon } from './lexicon.ts'
import { needle } from './needle.ts'
import { rngStream } from './rng-stream.ts'
import { measureOf } from './text-measure.ts'

/** A tokenizer that cuts texts by a pattern. */
function cutting(pattern: RegExp): Pick<Tokenizer, 'encode'> & { encoded: number } {
  const tokenizer = {
    encoded: 0,
    encode: (text: string) => {
      tokenizer.encoded++
      return new Int32Array(text.match(pattern)?.length ?? 0)
    },
  }
  return tokenizer
}

it.each([
  ['words', / ?\p{L}+|\P{L}/gu, lexicon.length],
  ['words of three letters at most, and runs of digits', / ?\p{L}{1,3}|\p{N}+|[^\p{L}\p{N}]/gu, undefined],
  ['characters', /./gsu, lexicon.length],
])('counts as a tokenizer does that cuts into %s', (_, pattern, single) => {
  const tokenizer = cutting(pattern)
  const measure = measureOf(tokenizer)
  for (let i = 0; i < 20; i++) {
    const { text } = needle(rngStream(1, i), { tokens: 400 })
    expect(measure.countTokens(text)).toBe(tokenizer.encode(text).length)
  }
  for (const text of ['12345 and 67', 'a  b', 'x'])
    expect(measure.countTokens(text)).toBe(tokenizer.encode(text).length)
  // Where nearly no word is one token, answers are of any words.
  if (single !== undefined) expect(measure.singleTokens.length).toBe(single)
  else for (const word of measure.singleTokens) expect(word.length).toBeLessThanOrEqual(3)
})

it('asks a tokenizer for each word once, where that is enough', () => {
  const tokenizer = cutting(/ ?\p{L}+|\P{L}/gu)
  const { countTokens } = measureOf(tokenizer)
  countTokens('the kite and the kite')
  const before = tokenizer.encoded
  countTokens('the kite and the kite')
  expect(tokenizer.encoded).toBe(before)
})
