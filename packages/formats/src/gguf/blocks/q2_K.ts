import type { BlockPart } from './block-part.ts'
import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { layers } from './layers.ts'

const { fround } = Math

/**
 * 256 weights at 2.625 bits, in 16 groups of 16: w = d·s·q − dmin·m.
 *
 *     0   16 bytes, one a group: s in the low nibble, m in the high one
 *     16  64 bytes: two runs of 32 bytes, each four layers of 32 weights, two bits a layer from the lowest
 *     80  float16 d
 *     82  float16 dmin
 */
export const q2_K: BlockType = {
  name: 'q2_K',
  elements: 256,
  bytes: 84,
  decode(block, at, out, to) {
    const d = halfAt(block, at + 80)
    const dmin = halfAt(block, at + 82)
    for (let group = 0; group < 16; group++) {
      const pair = block[at + group]!
      const scale = fround(d * (pair & 15))
      const min = fround(dmin * (pair >> 4))
      // Two groups make a layer of 32, four layers a run of 128.
      const from = at + 16 + 32 * (group >> 3) + 16 * (group & 1)
      const shift = 2 * ((group >> 1) & 3)
      for (let i = 0; i < 16; i++) out[to++] = fround(scale * ((block[from + i]! >> shift) & 3)) - min
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 2,
    group: 16,
    codes: layers(16),
    scale: fourBits(0, halves(80)),
    offset: fourBits(4, halves(82, { negated: true })),
  }),
}

/** The sixteen numbers of four bits that stand at a shift, times a float16 of the block. */
function fourBits(shift: number, scale: BlockPart): BlockPart {
  return grouped({
    count: 16,
    bits: 4,
    group: 16,
    codes(block, at, codes) {
      for (let group = 0; group < 16; group++) codes[group] = (block[at + group]! >> shift) & 15
    },
    scale,
  })
}
