import { sizeOf, Tensor } from '@tersor/core-tensor'
import { allocate } from '../../sources/allocate.ts'

import type { BlockPart } from './block-part.ts'

/**
 * One float16 a block, as it is.
 *
 * @param at  where in the block it stands
 * @param options.negated  with the other sign: ggml subtracts minima, `affine` adds offsets
 */
export function halves(at: number, { negated = false }: { negated?: boolean } = {}): BlockPart {
  const sign = negated ? 0x80 : 0
  return {
    begin(leading, blocks) {
      const dims = [...leading, blocks]
      const bits = new Uint16Array(allocate(2 * sizeOf(dims)).buffer)
      return {
        take(bytes, start, index) {
          bits[index] = bytes[start + at]! | ((bytes[start + at + 1]! ^ sign) << 8)
        },
        made: () => new Tensor('float16', bits, dims),
      }
    },
  }
}
