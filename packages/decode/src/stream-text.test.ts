import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { streamText } from './stream-text.ts'

/** A token for each byte, and from 256 on for pairs of letters, as SentencePiece writes words: with a space before, but at the start. */
const words = ['▁the', '▁a', '▁', 'b', '▁€', '.']
const tokenizer = {
  decode(tokens: Int32Array | readonly number[]) {
    const bytes: number[] = []
    for (const token of tokens) {
      bytes.push(...(token < 256 ? [token] : new TextEncoder().encode(words[token - 256]!.replace('▁', ' '))))
    }
    return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/^ /, '')
  },
}

async function piecesOf(tokens: readonly number[], after: readonly number[] = []): Promise<string[]> {
  const pieces: string[] = []
  for await (const piece of streamText(tokens, tokenizer, { after })) pieces.push(piece)
  return pieces
}

const bytes = (text: string) => [...new TextEncoder().encode(text)]

describe('streamText', () => {
  it('gives characters as a whole', async () => {
    expect(await piecesOf(bytes('é€😀!'))).toEqual(['é', '€', '😀', '!'])
  })

  it('gives what goes before an unfinished character at once', async () => {
    expect(await piecesOf([258, 0xe2, 0x82, 0xac])).toEqual(['€'])
    expect(await piecesOf([257, 0xe2, 0x82, 0xac, 261])).toEqual(['a', '€', '.'])
  })

  it('begins with a space where a text goes before', async () => {
    expect((await piecesOf([256, 257])).join('')).toBe('the a')
    expect((await piecesOf([256, 257], [257])).join('')).toBe(' the a')
    expect((await piecesOf([256], bytes('éééééé'))).join('')).toBe(' the')
  })

  it('gives what is no character, at the end or after a while', async () => {
    expect((await piecesOf([0x41, 0xe2])).join('')).toBe('A\ufffd')
    const many = Array.from({ length: 50 }, () => 0xff)
    const pieces = await piecesOf(many)
    expect(pieces.length).toBeGreaterThan(2)
    expect(pieces.join('')).toBe('\ufffd'.repeat(50))
  })

  it('gives together what the tokenizer decodes, without half a character', async () => {
    const token = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 4 }).map(bytes),
      fc.integer({ min: 256, max: 261 }).map(id => [id]),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(token, { maxLength: 30 }),
        fc.array(token, { maxLength: 6 }),
        async (a, b) => {
          const [tokens, after] = [a.flat(), b.flat()]
          const pieces = await piecesOf(tokens, after)
          expect(pieces.join('')).toBe(
            tokenizer.decode([...after, ...tokens]).slice(tokenizer.decode(after).length),
          )
          for (const piece of pieces) expect(piece).not.toContain('\ufffd')
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })
})
