import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { nibbles } from './nibbles.ts'

const { fround } = Math

/**
 * 32 weights at 5 bits: w = d·q + m.
 *
 *     0   float16 d
 *     2   float16 m
 *     4   16 bytes: low nibbles q₀…q₁₅, high nibbles q₁₆…q₃₁
 */
export const q4_1: BlockType = {
  name: 'q4_1',
  elements: 32,
  bytes: 20,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    const m = halfAt(block, at + 2)
    for (let i = 0; i < 16; i++) {
      const pair = block[at + 4 + i]!
      out[to + i] = fround((pair & 15) * d) + m
      out[to + 16 + i] = fround((pair >> 4) * d) + m
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 32,
    bits: 4,
    group: 32,
    codes: nibbles(4),
    scale: halves(0),
    offset: halves(2),
  }),
}
