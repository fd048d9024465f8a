import { bytesOf, dtypeBits, FormatError, sizeOf, Tensor } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'
import { type NpyHeader, refuseDtype } from './npy-header.ts'

/**
 * The array of a header and its data.
 *
 * @param data  all bytes behind the header, or those of some rows with `dims` that say so
 * @throws {FormatError} when they are not as many as the header says
 * @throws {UnsupportedError} for a dtype that Tersor lacks
 */
export function arrayOf(
  { descr, type, bigEndian, dims, fortranOrder }: Omit<NpyHeader, 'dataStart'>,
  data: Uint8Array,
): Tensor {
  if (type === undefined) refuseDtype(descr)
  const byteLength = bytesOf(type, sizeOf(dims))
  if (byteLength !== data.length) {
    throw new FormatError(
      `[formats/npy] expected ${byteLength} bytes of data for ${type} [${dims}], got ${data.length}; the file is cut short or too long`,
    )
  }
  const little = bigEndian ? swapped(data, dtypeBits[type] / 8) : data
  if (!fortranOrder) return new Tensor(type, little, [...dims])
  const axes = dims.map((_, i) => dims.length - 1 - i)
  return transpose(new Tensor(type, little, [...dims].reverse()), axes)
}

/** A copy with the bytes of each element turned round. */
function swapped(data: Uint8Array, width: number): Uint8Array {
  const turned = new Uint8Array(data.length)
  for (let at = 0; at < data.length; at += width)
    for (let i = 0; i < width; i++) turned[at + i] = data[at + width - 1 - i]!
  return turned
}
