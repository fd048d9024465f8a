import { describe, expect, it } from 'vitest'
import { hashWords } from './word-hash.ts'

describe('hashWords', () => {
  it('gives what the published MurmurHash3_x86_32 gives', () => {
    // Of 'aaaa' with the seed 0x9747b28c.
    const bytes = new TextEncoder().encode('aaaa')
    expect(hashWords(new Int32Array(bytes.buffer))[0]).toBe(0x5a97808a)
  })

  it('changes with every word, with their order and with their number', () => {
    const seen = new Set(
      [[], [0], [0, 0], [1], [0, 1], [1, 0], [2 ** 31]].map(words => hashWords(words).join()),
    )
    expect(seen.size).toBe(7)
  })
})
