import type { Encoded, Tensor } from '@tersor/core-tensor'
import { Contents, type StoredTensor } from './contents.ts'
import type { EncodeSafetensorsOptions } from './encode-safetensors.ts'

/**
 * The bytes of `encodeSafetensors` one after the other, not put together: the header, then the data of
 * every tensor, which are views of its memory. For writing or hashing what need not be held twice.
 *
 * @throws {FormatError} when a name occurs twice
 * @throws {DeviceError} for a tensor on a remote device; move it to a host
 * @example
 * const pieces = safetensorsPieces([['w', new Tensor('float32', [1, 2], [2])]])
 * pieces.map(piece => piece.byteLength) // => [64, 8]
 */
export function safetensorsPieces(
  entries: Iterable<readonly [name: string, weight: Tensor | Encoded]>,
  { metadata = {} }: EncodeSafetensorsOptions = {},
): Uint8Array[] {
  const contents = new Contents<Tensor>()
  const tensors = new Map<StoredTensor, Tensor>()
  for (const [name, weight] of entries) {
    for (const { stored, tensor } of contents.add(name, weight)) tensors.set(stored, tensor)
  }
  const header = contents.header(metadata)
  const data = contents.inOrder().map(stored => {
    const { buffer, byteOffset } = tensors.get(stored)!.data
    return new Uint8Array(buffer, byteOffset, stored.byteLength)
  })
  return [header, ...data]
}
