import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { nibbles } from './nibbles.ts'
import { powersOfTwo } from './powers-of-two.ts'

/** The values of float4 e2m1, doubled so that they are whole. */
const LEVELS: readonly number[] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

/**
 * 32 weights at 4.25 bits, the OCP microscaling format: w = 2^(e − 127)·float4(q).
 *
 *     0   uint8 e
 *     1   16 bytes: low nibbles q₀…q₁₅, high nibbles q₁₆…q₃₁
 */
export const mxfp4: BlockType = {
  name: 'mxfp4',
  elements: 32,
  bytes: 17,
  decode(block, at, out, to) {
    const half = 2 ** (block[at]! - 128)
    for (let i = 0; i < 16; i++) {
      const pair = block[at + 1 + i]!
      out[to + i] = LEVELS[pair & 15]! * half
      out[to + 16 + i] = LEVELS[pair >> 4]! * half
    }
  },
  part: /* @__PURE__ */ grouped({
    count: 32,
    bits: 4,
    group: 32,
    codes: nibbles(1),
    scale: powersOfTwo(0, 128),
    levels: LEVELS,
  }),
}
