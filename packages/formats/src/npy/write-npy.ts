import { type Tensor, UnsupportedError } from '@tersor/core-tensor'
import { npyDTypes } from './npy-dtypes.ts'

/** Where data start, so that they can be mapped into memory. */
const ALIGNMENT = 64

/**
 * Writes a tensor in NumPy's `.npy` format (version 1, C order), with the bytes that `numpy.save` writes.
 *
 * @param tensor  on a host device
 * @throws {UnsupportedError} for bfloat16, float8 and 4-bit integers, which NumPy lacks; cast them first
 * @example
 * const bytes = writeNpy(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
 * bytes.length // => 144
 */
export function writeNpy(tensor: Tensor): Uint8Array {
  const { type, dims } = tensor
  const stored = Object.keys(npyDTypes).find(name => npyDTypes[name] === type)
  if (stored === undefined) {
    throw new UnsupportedError(
      `[formats/npy] expected a dtype that NumPy has, got ${type}; cast it to float32, or to int8 or uint8, first`,
    )
  }
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`
  const dictionary = `{'descr': '${stored}', 'fortran_order': False, 'shape': ${shape}, }`
  // Magic, version and length take ten bytes, the final newline one.
  const dataStart = Math.ceil((dictionary.length + 11) / ALIGNMENT) * ALIGNMENT
  const header = `\x93NUMPY\x01\x00..${dictionary.padEnd(dataStart - 11)}\n`
  const bytes = new Uint8Array(dataStart + tensor.byteLength)
  for (let i = 0; i < dataStart; i++) bytes[i] = header.charCodeAt(i)
  new DataView(bytes.buffer).setUint16(8, dataStart - 10, true)
  const { buffer, byteOffset, byteLength } = tensor.data
  bytes.set(new Uint8Array(buffer, byteOffset, byteLength), dataStart)
  return bytes
}
