import type { BlockType } from './block-type.ts'
import { grouped } from './grouped.ts'
import { halfAt } from './half-at.ts'
import { halves } from './halves.ts'

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
    const t = new Uint8Array(256)
    digits(block, at, t)
    for (let i = 0; i < 256; i++) out[to + i] = (t[i]! - 1) * d
  },
  part: /* @__PURE__ */ grouped({
    count: 256,
    bits: 2,
    group: 256,
    codes: digits,
    scale: halves(52),
    zero: 1,
  }),
}

function digits(block: Uint8Array, at: number, codes: Uint8Array): void {
  fillRun(block, at, { bytes: 32, digits: 5 }, codes)
  fillRun(block, at + 32, { bytes: 16, digits: 5 }, codes.subarray(160))
  fillRun(block, at + 48, { bytes: 4, digits: 4 }, codes.subarray(240))
}

function fillRun(
  block: Uint8Array,
  at: number,
  run: { bytes: number; digits: number },
  codes: Uint8Array,
): void {
  let to = 0
  for (let digit = 0, power = 1; digit < run.digits; digit++, power *= 3) {
    for (let i = 0; i < run.bytes; i++) {
      const fraction = (block[at + i]! * power) & 255
      codes[to++] = (fraction * 3) >> 8
    }
  }
}
