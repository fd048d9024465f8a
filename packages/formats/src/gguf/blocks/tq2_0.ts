import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { layers } from './layers.ts'

/**
 * 256 ternary weights at 2.0625 bits: w = d·(t − 1).
 *
 *     0   64 bytes: two runs of 32, each four layers of 32 weights, two bits a layer from the lowest
 *     64  float16 d
 */
export const tq2_0: BlockType = {
  name: 'tq2_0',
  elements: 256,
  bytes: 66,
  decode(block, at, out, to) {
    const d = halfAt(block, at + 64)
    for (let layer = 0; layer < 8; layer++) {
      const from = at + 32 * (layer >> 2)
      const shift = 2 * (layer & 3)
      for (let i = 0; i < 32; i++) out[to++] = (((block[from + i]! >> shift) & 3) - 1) * d
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 2,
    group: 256,
    codes: layers(0),
    scale: halves(64),
    zero: 1,
  }),
}
