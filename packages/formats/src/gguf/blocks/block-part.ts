import type { Encoded, Tensor } from '@tersor/core-tensor'

/** A part of an encoding that is made block by block: all of a weight, its scales, the scales of those. */
export interface BlockPart {
  /** Room for the numbers of (…leading, blocks) blocks. */
  begin(leading: readonly number[], blocks: number): BlockTaker
}

/** A part that is being made. */
export interface BlockTaker {
  /** Takes what block `index` says, which starts at `at`. */
  take(bytes: Uint8Array, at: number, index: number): void
  /** The part, once all blocks were taken. */
  made(): Tensor | Encoded
}
