import type { BlockPart } from './block-part.ts'

/** A block format of ggml: some weights of a row with scales of their own. */
export interface BlockType {
  /** As ggml spells it. */
  readonly name: string
  /** Weights in a block. */
  readonly elements: number
  /** Bytes of a block. */
  readonly bytes: number
  /** Decodes the block that starts at `at` to `out[to]`…, in float32 and in the order of ggml's reference code. */
  decode(block: Uint8Array, at: number, out: Float32Array, to: number): void
  /** The blocks as an encoding that decodes to the same float32 values, bit for bit. */
  readonly part: BlockPart
}
