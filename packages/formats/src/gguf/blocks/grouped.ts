import { affine, codebook, packRow, sizeOf, Tensor } from '@tersor/core-tensor'
import { allocate } from '../../sources/allocate.ts'
import type { BlockPart } from './block-part.ts'

/** Codes of a block in groups, and what their groups have: an `affine`, or with levels a `codebook`. */
export interface GroupedOptions {
  /** Codes of a block; together whole bytes. */
  readonly count: number
  readonly bits: number
  /** Codes that share a scale; a block has whole groups. */
  readonly group: number
  /** Fills in the codes of the block that starts at `at`, in their order along the row. */
  codes(block: Uint8Array, at: number, codes: Uint8Array): void
  readonly scale: BlockPart
  readonly offset?: BlockPart | undefined
  /** The code that stands for 0. */
  readonly zero?: number | undefined
  /** What codes stand for, before the scale. */
  readonly levels?: readonly number[] | undefined
}

/** See {@link GroupedOptions}. */
export function grouped(options: GroupedOptions): BlockPart {
  const { count, bits, group, codes: fill, zero, levels } = options
  const blockBytes = (count * bits) / 8
  return {
    begin(leading, blocks) {
      const packed = allocate(blockBytes * blocks * sizeOf(leading))
      const scale = options.scale.begin(leading, blocks)
      const offset = options.offset?.begin(leading, blocks)
      const codes = new Uint8Array(count)
      return {
        take(bytes, at, index) {
          fill(bytes, at, codes)
          packRow(codes, bits, packed, index * blockBytes)
          scale.take(bytes, at, index)
          offset?.take(bytes, at, index)
        },
        made() {
          const layout = { dims: [...leading, count * blocks], bits, group, axis: -1 }
          const parts = {
            codes: new Tensor('uint8', packed, [...leading, blockBytes * blocks]),
            scale: scale.made(),
          }
          if (levels !== undefined)
            return codebook({ ...parts, table: new Tensor('float32', levels, [levels.length, 1]) }, layout)
          const one = layout.dims.map(() => 1)
          return affine(
            {
              ...parts,
              zero: zero === undefined ? undefined : new Tensor('uint8', [zero], one),
              offset: offset?.made(),
            },
            layout,
          )
        },
      }
    },
  }
}
