import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { nibblesAndBits } from './nibbles.ts'

const { fround } = Math

/**
 * 32 weights at 6 bits: w = d·q + m.
 *
 *     0   float16 d
 *     2   float16 m
 *     4   uint32: bit i is the fifth bit of qᵢ
 *     8   16 bytes: low nibbles of q₀…q₁₅, then, in the high halves, of q₁₆…q₃₁
 */
export const q5_1: BlockType = {
  name: 'q5_1',
  elements: 32,
  bytes: 24,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    const m = halfAt(block, at + 2)
    for (let i = 0; i < 16; i++) {
      const pair = block[at + 8 + i]!
      out[to + i] = fround(((pair & 15) | (fifth(block, at + 4, i) << 4)) * d) + m
      out[to + 16 + i] = fround(((pair >> 4) | (fifth(block, at + 4, i + 16) << 4)) * d) + m
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 32,
    bits: 5,
    group: 32,
    codes: nibblesAndBits(8, 4),
    scale: halves(0),
    offset: halves(2),
  }),
}

function fifth(block: Uint8Array, at: number, i: number): number {
  return (block[at + (i >> 3)]! >> (i & 7)) & 1
}
