import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { iq4Levels } from './iq4_nl.ts'
import { nibbles } from './nibbles.ts'

const { fround } = Math

const ofGroup = /* @__PURE__ */ nibbles(8)

/**
 * 256 weights at 4.25 bits, in 8 groups of 32: w = d·(s − 32)·level[q].
 *
 *     0   float16 d
 *     2   uint16: the upper two bits of s₀…s₇, from the lowest
 *     4   4 bytes: the low nibbles of s₀…s₇, two a byte
 *     8   128 bytes: 16 a group, low nibbles its q₀…q₁₅, high nibbles q₁₆…q₃₁
 */
export const iq4_xs: BlockType = {
  name: 'iq4_xs',
  elements: 256,
  bytes: 136,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * (scaleOf(block, at, group) - 32))
      const from = at + 8 + 16 * group
      for (let i = 0; i < 16; i++) {
        const pair = block[from + i]!
        out[to + i] = scale * iq4Levels[pair & 15]!
        out[to + 16 + i] = scale * iq4Levels[pair >> 4]!
      }
      to += 32
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 4,
    group: 32,
    levels: iq4Levels,
    codes(block, at, codes) {
      for (let group = 0; group < 8; group++) ofGroup(block, at + 16 * group, codes.subarray(32 * group))
    },
    scale: grouped({
      count: 8,
      bits: 6,
      group: 8,
      zero: 32,
      scale: halves(0),
      codes(block, at, s) {
        for (let group = 0; group < 8; group++) s[group] = scaleOf(block, at, group)
      },
    }),
  }),
}

function scaleOf(block: Uint8Array, at: number, group: number): number {
  const low = (block[at + 4 + (group >> 1)]! >> (4 * (group & 1))) & 15
  const high = block[at + 2]! | (block[at + 3]! << 8)
  return low | (((high >> (2 * group)) & 3) << 4)
}
