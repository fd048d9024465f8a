import { Contents, type EncodedOutline, type TensorOutline } from './contents.ts'
import type { EncodeSafetensorsOptions } from './encode-safetensors.ts'

/** Where everything of a safetensors file lies. */
export interface SafetensorsLayout<T> {
  /** Everything before the data. */
  readonly header: Uint8Array
  /** Where the data of each tensor begins, counted from the start of the file. */
  readonly offsets: ReadonlyMap<T, number>
  /** Of the whole file. */
  readonly byteLength: number
}

/**
 * Where the data of every tensor lies in the file that `encodeSafetensors` makes of the same entries; only what a header says of
 * them is asked for. For writing what is never in memory as a whole.
 *
 * @throws {FormatError} when a name occurs twice
 * @example
 * const w = { type: 'float32', dims: [2], byteLength: 8 } as const
 * const { header, offsets, byteLength } = safetensorsLayout([['w', w]])
 * header.length // => 64
 * offsets.get(w) // => 64
 * byteLength // => 72
 */
export function safetensorsLayout<T extends TensorOutline>(
  entries: Iterable<readonly [name: string, weight: T | EncodedOutline<T>]>,
  { metadata = {} }: EncodeSafetensorsOptions = {},
): SafetensorsLayout<T> {
  const contents = new Contents<T>()
  const added = [...entries].flatMap(([name, weight]) => contents.add(name, weight))
  const tensors = new Map(added.map(({ stored, tensor }) => [stored, tensor]))
  const header = contents.header(metadata)
  const offsets = new Map<T, number>()
  let byteLength = header.length
  for (const stored of contents.inOrder()) {
    offsets.set(tensors.get(stored)!, byteLength)
    byteLength += stored.byteLength
  }
  return { header, offsets, byteLength }
}
