import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { nibblesAndBits } from './nibbles.ts'

/**
 * 32 weights at 5.5 bits: w = d·(q − 16).
 *
 *     0   float16 d
 *     2   uint32: bit i is the fifth bit of qᵢ
 *     6   16 bytes: low nibbles of q₀…q₁₅, then, in the high halves, of q₁₆…q₃₁
 */
export const q5_0: BlockType = {
  name: 'q5_0',
  elements: 32,
  bytes: 22,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    for (let i = 0; i < 16; i++) {
      const pair = block[at + 6 + i]!
      out[to + i] = (((pair & 15) | (fifth(block, at + 2, i) << 4)) - 16) * d
      out[to + 16 + i] = (((pair >> 4) | (fifth(block, at + 2, i + 16) << 4)) - 16) * d
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 32,
    bits: 5,
    group: 32,
    codes: nibblesAndBits(6, 2),
    scale: halves(0),
    zero: 16,
  }),
}

function fifth(block: Uint8Array, at: number, i: number): number {
  return (block[at + (i >> 3)]! >> (i & 7)) & 1
}
