import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'
import { signedBytes } from './signed-bytes.ts'

/**
 * 32 weights at 8.5 bits: w = d·q.
 *
 *     0   float16 d
 *     2   32 int8 q
 */
export const q8_0: BlockType = {
  name: 'q8_0',
  elements: 32,
  bytes: 34,
  decode(block, at, out, to) {
    const d = halfAt(block, at)
    for (let i = 0; i < 32; i++) out[to + i] = ((block[at + 2 + i]! << 24) >> 24) * d
  },
  part: /* @__PURE__ */ grouped({
    count: 32,
    bits: 8,
    group: 32,
    codes: signedBytes(2),
    scale: halves(0),
    zero: 128,
  }),
}
