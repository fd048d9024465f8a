import type { Tensor } from '@tersor/core-tensor'
import { arrayOf } from './array-of.ts'
import { npyHeader } from './npy-header.ts'

/**
 * Reads an array of NumPy's `.npy` format, versions 1 to 3, in either byte order.
 *
 * Little-endian arrays in C order are views of `bytes` where their alignment allows; those in Fortran order are
 * transposed.
 *
 * @throws {FormatError} when the header is malformed or contradicts the length
 * @throws {UnsupportedError} for a dtype that Tersor lacks, such as uint64, text, and records
 * @example
 * const matrix = new Tensor('float32', [1, 2, 3, 4], [2, 2])
 * readNpy(writeNpy(matrix)).data // => Float32Array [1, 2, 3, 4]
 */
export function readNpy(bytes: Uint8Array): Tensor {
  const header = npyHeader(bytes)
  return arrayOf(header, bytes.subarray(header.dataStart))
}
