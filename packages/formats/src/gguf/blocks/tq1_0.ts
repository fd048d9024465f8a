import type { BlockType } from './block-type.ts'
import { halfAt } from './half-at.ts'

/**
 * 256 ternary weights at 1.6875 bits: w = d·(t − 1) with digits t of 0, 1, 2.
 *
 *     0   48 bytes of five digits, as fractions: the byte times 3ⁿ modulo 256 has digit n on top.
 *         32 bytes hold the first 160 weights, digit by digit; 16 bytes the next 80
 *     48  4 bytes of four digits: the last 16 weights
 *     52  float16 d
 */
export const tq1_0: BlockType = {
  name: 'tq1_0',
  elements: 256,
  bytes: 54,
  decode(block, at, out, to) {
    const d = halfAt(block, at + 52)
    decodeRun(block, at, 32, 5, d, out, to)
    decodeRun(block, at + 32, 16, 5, d, out, to + 160)
    decodeRun(block, at + 48, 4, 4, d, out, to + 240)
  },
}

function decodeRun(
  block: Uint8Array,
  at: number,
  count: number,
  digits: number,
  d: number,
  out: Float32Array,
  to: number,
): void {
  for (let digit = 0, power = 1; digit < digits; digit++, power *= 3) {
    for (let i = 0; i < count; i++) {
      const fraction = (block[at + i]! * power) & 255
      out[to++] = (((fraction * 3) >> 8) - 1) * d
    }
  }
}
