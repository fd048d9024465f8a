import { codebook, sizeOf, Tensor } from '@tersor/core-tensor'
import { allocate } from '../../sources/allocate.ts'
import type { BlockPart } from './block-part.ts'

/**
 * One power of two a block, of which the block has the exponent in a byte: 2^(e − bias).
 *
 * @param at  where in the block it stands
 */
export function powersOfTwo(at: number, bias: number): BlockPart {
  return {
    begin(leading, blocks) {
      const dims = [...leading, blocks]
      const codes = allocate(sizeOf(dims))
      return {
        take(bytes, start, index) {
          codes[index] = bytes[start + at]!
        },
        made() {
          const powers = Float32Array.from({ length: 256 }, (_, e) => 2 ** (e - bias))
          const table = new Tensor('float32', powers, [256, 1])
          return codebook({ codes: new Tensor('uint8', codes, dims), table }, { dims, bits: 8 })
        },
      }
    },
  }
}
