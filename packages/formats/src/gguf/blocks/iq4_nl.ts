import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { nibbles } from './nibbles.ts'

/** The sixteen levels of iq4_nl and iq4_xs, denser around zero. */
export const iq4Levels: readonly number[] = [
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
]

/**
 * 32 weights at 4.5 bits on levels of their own: w = d·level[q].
 *
 *     0   float16 d
 *     2   16 bytes: low nibbles q₀…q₁₅, high nibbles q₁₆…q₃₁
 */
export const iq4_nl: BlockType = {
  name: 'iq4_nl',
  elements: 32,
  bytes: 18,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    for (let i = 0; i < 16; i++) {
      const pair = block[at + 2 + i]!
      out[to + i] = d * iq4Levels[pair & 15]!
      out[to + 16 + i] = d * iq4Levels[pair >> 4]!
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 32,
    bits: 4,
    group: 32,
    codes: nibbles(2),
    scale: halves(0),
    levels: iq4Levels,
  }),
}
