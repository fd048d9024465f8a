import type { BlockPart } from './block-part.ts'
import { grouped } from './grouped.ts'

/**
 * The six-bit scales s and minima m of the eight groups of a q4_K or q5_K block, from 12 bytes:
 *
 *     0  s₀…s₃ in the low six bits, the upper two bits of s₄…s₇ above
 *     4  m₀…m₃ in the low six bits, the upper two bits of m₄…m₇ above
 *     8  the low nibbles of s₄…s₇, those of m₄…m₇ above
 */
export function scaleOf(block: Uint8Array, at: number, group: number): number {
  if (group < 4) return block[at + group]! & 63
  return (block[at + group + 4]! & 15) | ((block[at + group - 4]! >> 6) << 4)
}

/** The minimum of a group; see {@link scaleOf}. */
export function minOf(block: Uint8Array, at: number, group: number): number {
  if (group < 4) return block[at + group + 4]! & 63
  return (block[at + group + 4]! >> 4) | ((block[at + group]! >> 6) << 4)
}

/** The eight scales or minima of a block, times a float16 of the block. */
export function sixBits(of: typeof scaleOf, from: number, scale: BlockPart): BlockPart {
  return grouped({
    count: 8,
    bits: 6,
    group: 8,
    scale,
    codes(block, at, codes) {
      for (let group = 0; group < 8; group++) codes[group] = of(block, at + from, group)
    },
  })
}
