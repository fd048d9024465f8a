import {
  DTypeError,
  kernel,
  packedRowBytes,
  ShapeError,
  sameDims,
  type Tensor,
  unpackRow,
} from '@tersor/core-tensor'
import { checkBits } from './pack-bits.ts'

/**
 * Takes rows of codes of 1 to 16 bits out of a stream of bits: the inverse of {@link packBits}.
 *
 * Code i of a row is bits i · bits to (i + 1) · bits − 1 of the row's bytes, the least significant first.
 * Each row begins on a byte; what fills its last byte is ignored.
 *
 * @param packed  (…, ⌈columns · bits / 8⌉) uint8
 * @returns (…, columns), uint8 up to 8 bits, else uint16
 * @throws {ShapeError} when bits are not whole, from 1 to 16, or rows have another number of bytes
 * @throws {DTypeError} when `packed` or `out` is of another dtype
 * @example
 * const packed = new Tensor('uint8', [0b10_011_101, 0b0000_001_1], [1, 2])
 * unpackBits(packed, { bits: 3, columns: 4 }).data // => Uint8Array [5, 3, 6, 1]
 */
export const unpackBits = /* @__PURE__ */ kernel('unpackBits', unpackBitsReference)

function unpackBitsReference(
  packed: Tensor,
  { bits, columns, out }: { bits: number; columns: number; out?: Tensor | undefined },
): Tensor {
  checkBits('unpackBits', bits)
  if (packed.type !== 'uint8') throw new DTypeError(`[unpackBits] expected uint8, got ${packed.type}`)
  const rowBytes = packed.dims.at(-1)
  if (!Number.isSafeInteger(columns) || columns < 0 || rowBytes !== packedRowBytes(columns, bits)) {
    throw new ShapeError(
      `[unpackBits] expected rows of ${packedRowBytes(columns, bits)} bytes for ${columns} codes of ${bits} bits, got [${packed.dims}]`,
    )
  }
  const type = bits <= 8 ? 'uint8' : 'uint16'
  const dims = [...packed.dims.slice(0, -1), columns]
  if (out !== undefined && out.type !== type)
    throw new DTypeError(`[unpackBits] expected an out of ${type} for ${bits} bits, got ${out.type}`)
  if (out !== undefined && !sameDims(out.dims, dims))
    throw new ShapeError(`[unpackBits] expected an out of [${dims}], got [${out.dims}]`)

  const result = out ?? packed.device.empty(type, dims)
  const bytes = packed.data as Uint8Array
  // Apart from `out`, which may lie over the packed codes.
  const codes = bits <= 8 ? new Uint8Array(result.size) : new Uint16Array(result.size)
  for (let row = 0; row * columns < codes.length; row++)
    unpackRow(bytes, bits, codes.subarray(row * columns, (row + 1) * columns), row * rowBytes)
  ;(result.data as Uint16Array).set(codes)
  return result
}
