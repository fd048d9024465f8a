import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { layers } from './layers.ts'

const { fround } = Math

const lowBits = /* @__PURE__ */ layers(32)

/**
 * 256 weights at 3.4375 bits, in 16 groups of 16: w = d·(s − 32)·(q − 4).
 *
 *     0    32 bytes: the third bits of q; bit b of byte i is that of weight 32·b + i
 *     32   64 bytes: two runs of 32 bytes, each four layers of 32 weights, two bits a layer from the lowest
 *     96   12 bytes: the sixteen s of six bits: eight bytes of low and high nibbles,
 *          then the upper two bits of s₀ s₄ s₈ s₁₂ in one byte, of s₁ s₅ s₉ s₁₃ in the next, …
 *     108  float16 d
 */
export const q3_K: BlockType = {
  name: 'q3_K',
  elements: 256,
  bytes: 110,
  decode(block, at, out, to) {
    const d = halfAt(block, at + 108)
    for (let group = 0; group < 16; group++) {
      const scale = fround(d * (scaleOf(block, at + 96, group) - 32))
      const from = 16 * (group & 1)
      const low = at + 32 + 32 * (group >> 3) + from
      const shift = 2 * ((group >> 1) & 3)
      const highBit = group >> 1
      for (let i = 0; i < 16; i++) {
        const high = (block[at + from + i]! >> highBit) & 1
        out[to++] = scale * (((block[low + i]! >> shift) & 3) - (high === 0 ? 4 : 0))
      }
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 3,
    group: 16,
    zero: 4,
    codes(block, at, codes) {
      lowBits(block, at, codes)
      for (let i = 0; i < 256; i++) codes[i]! |= ((block[at + (i & 31)]! >> (i >> 5)) & 1) << 2
    },
    scale: grouped({
      count: 16,
      bits: 6,
      group: 16,
      zero: 32,
      scale: halves(108),
      codes(block, at, s) {
        for (let group = 0; group < 16; group++) s[group] = scaleOf(block, at + 96, group)
      },
    }),
  }),
}

function scaleOf(block: Uint8Array, at: number, group: number): number {
  const low = group < 8 ? block[at + group]! & 15 : block[at + group - 8]! >> 4
  const high = (block[at + 8 + (group & 3)]! >> (2 * (group >> 2))) & 3
  return low | (high << 4)
}
