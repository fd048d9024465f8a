import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { nibbleLayers } from './layers.ts'
import { minOf, scaleOf, sixBits } from './scale-and-min.ts'

const { fround } = Math

const low = /* @__PURE__ */ nibbleLayers(48)

/**
 * 256 weights at 5.5 bits, in 8 groups of 32: w = d·s·q − dmin·m.
 *
 *     0   float16 d
 *     2   float16 dmin
 *     4   12 bytes: s and m of six bits, see `scaleOf`
 *     16  32 bytes: bit g of byte i is the fifth bit of weight i of group g
 *     48  128 bytes: four runs of 32, low nibbles of one group and high nibbles of the next
 */
export const q5_K: BlockType = {
  name: 'q5_K',
  elements: 256,
  bytes: 176,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    const dmin = halfAt(block, at + 2)
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * scaleOf(block, at + 4, group))
      const min = fround(dmin * minOf(block, at + 4, group))
      const from = at + 48 + 32 * (group >> 1)
      const shift = 4 * (group & 1)
      for (let i = 0; i < 32; i++) {
        const fifth = (block[at + 16 + i]! >> group) & 1
        out[to++] = fround(scale * (((block[from + i]! >> shift) & 15) | (fifth << 4))) - min
      }
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 5,
    group: 32,
    codes(block, at, codes) {
      low(block, at, codes)
      for (let i = 0; i < 256; i++) codes[i]! |= ((block[at + 16 + (i & 31)]! >> (i >> 5)) & 1) << 4
    },
    scale: sixBits(scaleOf, 4, halves(0)),
    offset: sixBits(minOf, 4, halves(2, { negated: true })),
  }),
}
