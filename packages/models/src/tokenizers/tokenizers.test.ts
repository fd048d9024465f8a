import { existsSync, readFileSync } from 'node:fs'
import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { huggingFaceTokenizer } from './hugging-face-tokenizer.ts'
import { llama2cTokenizer } from './llama2c-tokenizer.ts'

const data = new URL('../../../../../shared/data/', import.meta.url)
const storiesTokenizer = new URL('lm-stories260k/tok512.bin', data)

/** A llama2.c tokenizer.bin: longest piece, then score, length and bytes of each token. */
function tokenizerBin(pieces: readonly [string, number][]): Uint8Array {
  const chunks = pieces.flatMap(([piece, score]) => {
    const bytes = new TextEncoder().encode(piece)
    return [
      new Uint8Array(Float32Array.of(score).buffer),
      new Uint8Array(Int32Array.of(bytes.length).buffer),
      bytes,
    ]
  })
  const all = [new Uint8Array(Int32Array.of(8).buffer), ...chunks]
  const out = new Uint8Array(all.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of all) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}

const bytesAsPieces = Array.from({ length: 256 }, (_, byte): [string, number] => [
  `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  0,
])
const small: [string, number][] = [
  ['<unk>', 0],
  ['<s>', 0],
  ['</s>', 0],
  ...bytesAsPieces,
  [' ', -1],
  ['a', -2],
  ['b', -3],
  ['ab', -4],
  [' a', -5],
  ['abab', -6],
]

describe('llama2cTokenizer', () => {
  it('joins the best pair first and spells in bytes what it does not know', () => {
    const { encode } = llama2cTokenizer(tokenizerBin(small))
    const id = (piece: string) => small.findIndex(([name]) => name === piece)
    expect([...encode('abab')]).toEqual([id(' '), id('abab')])
    expect([...encode('aab')]).toEqual([id(' a'), id('ab')])
    expect([...encode('é')]).toEqual([id(' '), id('<0xC3>'), id('<0xA9>')])
    expect([...encode('')]).toEqual([])
  })

  it('gives back any text', () => {
    const { encode, decode } = llama2cTokenizer(tokenizerBin(small))
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => decode(encode(text)) === text),
      { numRuns: 300 },
    )
  })

  it('takes n log n steps: a long text in the worst order is no trouble', () => {
    const { encode } = llama2cTokenizer(tokenizerBin(small))
    expect(encode('ab'.repeat(50_000)).length).toBe(25_001)
  })

  it('refuses files whose lengths leave them', () => {
    const whole = tokenizerBin(small)
    expect(() => llama2cTokenizer(whole.subarray(0, whole.length - 1))).toThrow(FormatError)
    expect(() => llama2cTokenizer(new Uint8Array(4))).toThrow(FormatError)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        try {
          llama2cTokenizer(bytes)
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
        }
      }),
    )
  })

  it.skipIf(!existsSync(storiesTokenizer))(
    'reads the tokenizer of stories260K (needs ../shared/data)',
    () => {
      const { encode, decode, vocabSize } = llama2cTokenizer(readFileSync(storiesTokenizer))
      expect(vocabSize).toBe(512)
      const story = 'Once upon a time, there was a little girl named Lily.\nShe said "Hi!" — 世界 🎈'
      expect(decode(encode(story))).toBe(story)
    },
  )
})

describe('huggingFaceTokenizer', () => {
  const json = {
    version: '1.0',
    added_tokens: [
      {
        id: 0,
        content: '<s>',
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: { '<s>': 0, a: 1, b: 2, ab: 3, Ġ: 4, Ġab: 5 }, merges: ['a b', 'Ġ ab'] },
  }

  it('reads a tokenizer.json', () => {
    const { encode, decode, vocabSize, bos, eos } = huggingFaceTokenizer(json)
    expect([...encode('ab ab')]).toEqual([3, 5])
    expect(decode([0, 3, 5])).toBe('ab ab')
    expect({ vocabSize, bos, eos }).toEqual({ vocabSize: 6, bos: 0, eos: undefined })
  })

  it('takes the special tokens that tokenizer_config.json names', () => {
    expect(huggingFaceTokenizer(json, { tokenizer: { eos_token: { content: 'ab' } } }).eos).toBe(3)
  })

  it('refuses what is no tokenizer', () => {
    expect(() => huggingFaceTokenizer({ model: { type: 'Nonsense' } })).toThrow(UnsupportedError)
  })
})
