import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { nibbleLayers } from './layers.ts'
import { minOf, scaleOf, sixBits } from './scale-and-min.ts'

const { fround } = Math

/**
 * 256 weights at 4.5 bits, in 8 groups of 32: w = d·s·q − dmin·m.
 *
 *     0   float16 d
 *     2   float16 dmin
 *     4   12 bytes: s and m of six bits, see `scaleOf`
 *     16  128 bytes: four runs of 32, low nibbles of one group and high nibbles of the next
 */
export const q4_K: BlockType = {
  name: 'q4_K',
  elements: 256,
  bytes: 144,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    const dmin = halfAt(block, at + 2)
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * scaleOf(block, at + 4, group))
      const min = fround(dmin * minOf(block, at + 4, group))
      const from = at + 16 + 32 * (group >> 1)
      const shift = 4 * (group & 1)
      for (let i = 0; i < 32; i++) out[to++] = fround(scale * ((block[from + i]! >> shift) & 15)) - min
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 4,
    group: 32,
    codes: nibbleLayers(16),
    scale: sixBits(scaleOf, 4, halves(0)),
    offset: sixBits(minOf, 4, halves(2, { negated: true })),
  }),
}
