import { type Encoded, selectRows, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { findTensor } from '../find-tensor.ts'
import { quoted } from '../quoted.ts'
import type { Source, SourceOptions } from '../random-access.ts'
import { rowRange } from '../row-range.ts'
import { allocate } from '../sources/allocate.ts'
import type { ReadOptions, WeightFile } from '../weight-file.ts'
import type { GgufInfo, GgufPart, PlacedTensor } from './open-part.ts'
import { openParts } from './open-parts.ts'
import type { GgufValue } from './read-metadata.ts'
import { takeBlocks } from './take-blocks.ts'
import { vocabularyOf } from './vocabulary-of.ts'

const WHERE = 'formats/gguf'

export interface OpenGgufOptions extends SourceOptions {
  /**
   * Finds the other parts of a model that was split, from 1 to `count`. Default: the files beside it whose names say
   * so, as in `model-00001-of-00002.gguf`, where it is a path or URL.
   */
  open?: ((part: number, count: number) => Source | Promise<Source>) | undefined
}

export interface GgufFile extends WeightFile<GgufInfo> {
  readonly version: 2 | 3
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** The metadata keys whose text is no UTF-8: there U+FFFD stands for what could not be read. */
  readonly notUtf8: ReadonlySet<string>
  /** Where its parts come from, in order: one, unless the model was split. */
  readonly parts: readonly Source[]
  /** One tensor or some of its rows in float32 or in the dtype that is stored. */
  read(name: string, options?: ReadOptions): Promise<Tensor>
  /**
   * One tensor or some of its rows as they are: blocks become an `Encoded` that decodes to what `read` gives, bit for
   * bit, in as many bytes but for `tq1_0`, whose digits take 2 bits; what is stored in plain numbers stays a tensor.
   * It holds no more than these bytes and a buffer of 4 MiB.
   */
  load(name: string, options?: ReadOptions): Promise<Tensor | Encoded>
  /** The bytes of a GGUF file of the same metadata without tensors, as llama.cpp keeps vocabularies. */
  metadataFile(): Promise<Uint8Array>
}

/**
 * Opens a GGUF file of version 2 or 3: reads and checks metadata and tensor descriptions, and later
 * each tensor when it is asked for. Of a model that was split into several files, any one opens all.
 *
 * `read` decodes blocks to float32, bit for bit as ggml does, `load` leaves them compressed; f16, bf16, f64 and
 * integers keep their dtype. `dims` are row-major, the reverse of ggml's `ne`.
 *
 * @throws {FormatError} when lengths, offsets or names contradict each other or the file
 * @throws {UnsupportedError} for version 1, big-endian files, types of metadata that are unknown, and for one part
 *   of several where the others cannot be found; of types of tensors that are unknown only from `read` and `load`
 * @example
 * const bytes = new Uint8Array(24)
 * bytes.set([0x47, 0x47, 0x55, 0x46, 3]) // 'GGUF', version 3, no tensors, no metadata
 * const file = await openGguf(bytes)
 * file.tensors.size // => 0
 */
export async function openGguf(from: Source, options: OpenGgufOptions = {}): Promise<GgufFile> {
  const parts = await openParts(from, options)
  const [first] = parts as [GgufPart & { from: Source }]
  const tensors = new Map(parts.flatMap(part => [...part.tensors]))
  return {
    version: first.version,
    metadata: first.metadata,
    notUtf8: first.notUtf8,
    parts: parts.map(part => part.from),
    tensors,
    read: async (name, options = {}) => decoded(name, findTensor(tensors, name, WHERE), options),
    load: async (name, options = {}) => stored(name, findTensor(tensors, name, WHERE), options),
    metadataFile: () => vocabularyOf(first),
    close: async () => void (await Promise.all(parts.map(({ source }) => source.close()))),
  }
}

async function decoded(name: string, tensor: PlacedTensor, options: ReadOptions): Promise<Tensor> {
  const { format, source } = tensor
  const { decode, blockBytes, blockElements } = format
  if (decode === undefined) return plain(name, tensor, options)
  const { dims, start, byteLength } = rowRange(name, tensor, options, WHERE)
  if (isCutVector(tensor, options))
    return (await decoded(name, tensor, { signal: options.signal })).rows(...options.rows!)
  const values = new Float32Array(allocate((byteLength / blockBytes) * blockElements * 4).buffer)
  const range = { start: tensor.start + start, byteLength, blockBytes }
  const take = (bytes: Uint8Array, at: number, index: number) =>
    decode(bytes, at, values, index * blockElements)
  await takeBlocks(source, range, take, options.signal)
  return new Tensor('float32', values, dims)
}

async function stored(name: string, tensor: PlacedTensor, options: ReadOptions): Promise<Tensor | Encoded> {
  const { format, source } = tensor
  const { part, blockBytes, blockElements } = format
  if (part === undefined) return plain(name, tensor, options)
  const { dims, start, byteLength } = rowRange(name, tensor, options, WHERE)
  if (isCutVector(tensor, options))
    return selectRows(await stored(name, tensor, { signal: options.signal }), options.rows!)
  const taker = part.begin(dims.slice(0, -1), dims.at(-1)! / blockElements)
  const range = { start: tensor.start + start, byteLength, blockBytes }
  await takeBlocks(source, range, (...block) => taker.take(...block), options.signal)
  return taker.made()
}

async function plain(name: string, tensor: PlacedTensor, options: ReadOptions): Promise<Tensor> {
  const { type, format, source } = tensor
  if (type === undefined) {
    throw new UnsupportedError(
      `[${WHERE}] expected a type that Tersor reads for ${quoted(name)}, got ${format.name}; quantise the model to another type`,
    )
  }
  const { dims, start, byteLength } = rowRange(name, tensor, options, WHERE)
  return new Tensor(type, await source.read(tensor.start + start, byteLength, options.signal), dims)
}

/** Entries of a vector may begin inside a block. */
function isCutVector({ dims }: PlacedTensor, { rows }: ReadOptions): boolean {
  return rows !== undefined && dims.length === 1
}
