import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { signedBytes } from './signed-bytes.ts'

const { fround } = Math

/**
 * 256 weights at 6.5625 bits, in 16 groups of 16: w = d·s·(q − 32).
 *
 *     0    128 bytes: the low nibbles of q; each half of the block has 64 bytes, whose low nibbles
 *          are its first 64 weights and whose high nibbles the rest
 *     128  64 bytes: the upper two bits; each half has 32 bytes, four layers of 32 weights from the lowest
 *     192  16 int8 s
 *     208  float16 d
 */
export const q6_K: BlockType = {
  name: 'q6_K',
  elements: 256,
  bytes: 210,
  decode(block, at, out, to) {
    const d = halfAt(block, at + 208)
    for (let group = 0; group < 16; group++) {
      const half = group >> 3
      const layer = (group >> 1) & 3
      const scale = fround(d * ((block[at + 192 + group]! << 24) >> 24))
      const low = at + 64 * half + 32 * (layer & 1) + 16 * (group & 1)
      const high = at + 128 + 32 * half + 16 * (group & 1)
      const shift = 4 * (layer >> 1)
      for (let i = 0; i < 16; i++) {
        const q = ((block[low + i]! >> shift) & 15) | (((block[high + i]! >> (2 * layer)) & 3) << 4)
        out[to++] = scale * (q - 32)
      }
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 6,
    group: 16,
    zero: 32,
    codes(block, at, codes) {
      for (let i = 0; i < 256; i++) {
        const half = i >> 7
        const layer = (i >> 5) & 3
        const low = block[at + 64 * half + (i & 63)]! >> (4 * (layer >> 1))
        const high = block[at + 128 + 32 * half + (i & 31)]! >> (2 * layer)
        codes[i] = (low & 15) | ((high & 3) << 4)
      }
    },
    scale: grouped({
      count: 16,
      bits: 8,
      group: 16,
      zero: 128,
      codes: signedBytes(192),
      scale: halves(208),
    }),
  }),
}
