import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { nibbles } from './nibbles.ts'

/**
 * 32 weights at 4.5 bits: w = d·(q − 8).
 *
 *     0   float16 d
 *     2   16 bytes: low nibbles q₀…q₁₅, high nibbles q₁₆…q₃₁
 */
export const q4_0: BlockType = {
  name: 'q4_0',
  elements: 32,
  bytes: 18,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    for (let i = 0; i < 16; i++) {
      const pair = block[at + 2 + i]!
      out[to + i] = ((pair & 15) - 8) * d
      out[to + 16 + i] = ((pair >> 4) - 8) * d
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 32,
    bits: 4,
    group: 32,
    codes: nibbles(2),
    scale: halves(0),
    zero: 8,
  }),
}
