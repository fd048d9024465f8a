import type { Encoded, Tensor } from '@tersor/core-tensor'
import { safetensorsPieces } from './safetensors-pieces.ts'

export interface EncodeSafetensorsOptions {
  /** Strings for `__metadata__`; the key `tersor` is taken. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * A safetensors file in memory, of tensors on host devices and encoded ones.
 *
 * The bytes depend on the entries and metadata alone, not on their order, and are those of the
 * official serializer: data sorted by dtype, the widest first, then by name, so that every tensor
 * is aligned. An encoded tensor becomes plain ones (`w.codes`, `w.scale`) and a tree in the metadata; a
 * `Tensor` that is a part more than once, such as a table that weights share, is stored once.
 *
 * @throws {FormatError} when a name occurs twice
 * @throws {DeviceError} for a tensor on a remote device; move it to a host, or use `createSafetensorsWriter`
 * @example
 * const bytes = encodeSafetensors([['w', new Tensor('float32', [1, 2], [2])]], { metadata: { format: 'pt' } })
 * bytes.length // => 104
 * const file = await openSafetensors(bytes)
 * file.metadata.get('format') // => 'pt'
 */
export function encodeSafetensors(
  entries: Iterable<readonly [name: string, weight: Tensor | Encoded]>,
  options: EncodeSafetensorsOptions = {},
): Uint8Array {
  const pieces = safetensorsPieces(entries, options)
  const bytes = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.byteLength
  }
  return bytes
}
