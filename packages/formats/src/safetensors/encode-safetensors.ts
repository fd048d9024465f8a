import type { Encoded, Tensor } from '@tersor/core-tensor'
import { Contents } from './contents.ts'

export interface EncodeSafetensorsOptions {
  /** Strings for `__metadata__`; the key `tersor` is taken. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * A safetensors file in memory, of tensors on host devices and encoded ones.
 *
 * The bytes depend on the entries and metadata alone, not on their order, and are those of the
 * official serializer: data sorted by dtype, the widest first, then by name, so that every tensor
 * is aligned. An encoded tensor becomes plain ones (`w.codes`, `w.scale`) and a tree in the metadata.
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
  { metadata = {} }: EncodeSafetensorsOptions = {},
): Uint8Array {
  const contents = new Contents()
  const tensors = new Map<string, Tensor>()
  for (const [name, weight] of entries) {
    for (const { stored, tensor } of contents.add(name, weight)) tensors.set(stored.name, tensor)
  }
  const header = contents.header(metadata)
  const order = contents.inOrder()
  const bytes = new Uint8Array(order.reduce((sum, { byteLength }) => sum + byteLength, header.length))
  bytes.set(header)
  let at = header.length
  for (const { name, byteLength } of order) {
    const { buffer, byteOffset } = tensors.get(name)!.data
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  return bytes
}
