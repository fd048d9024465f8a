import { FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { elementCount } from '../element-count.ts'
import { findTensor } from '../find-tensor.ts'
import { quoted } from '../quoted.ts'
import { parseSource, type Source, type SourceOptions } from '../random-access.ts'
import { allocate } from '../sources/allocate.ts'
import type { TensorInfo, WeightFile } from '../weight-file.ts'
import { BufferedReader } from './buffered-reader.ts'
import { type GgmlType, ggmlTypes } from './ggml-types.ts'
import { type GgufValue, MAX_KEY_BYTES, readMetadata } from './read-metadata.ts'

const WHERE = 'formats/gguf'

/** 'GGUF' */
const MAGIC = 0x46554747

/** Magic, version, two counts. */
const HEADER_BYTES = 24
/** Where in it the number of tensors stands. */
const TENSOR_COUNT_AT = 8

/** Large mixtures of experts have some ten thousand tensors. */
const MAX_TENSORS = 2 ** 20

/** `GGML_MAX_DIMS` */
const MAX_DIMS = 4

const DEFAULT_ALIGNMENT = 32

export interface GgufInfo extends TensorInfo {
  /** As ggml spells it: `f32`, `q4_K`, `iq4_xs`, … */
  readonly ggmlType: string
}

export interface GgufFile extends WeightFile<GgufInfo> {
  readonly version: 2 | 3
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** The bytes of a GGUF file of the same metadata without tensors, as llama.cpp keeps vocabularies. */
  metadataFile(): Promise<Uint8Array>
}

type PlacedTensor = GgufInfo & { readonly format: GgmlType; readonly offset: number }

/**
 * Opens a GGUF file of version 2 or 3: reads and checks metadata and tensor descriptions, and later
 * each tensor when it is asked for.
 *
 * Blocks decode to float32, bit for bit as ggml does; f16, bf16, f64 and integers keep their dtype.
 * `dims` are row-major, the reverse of ggml's `ne`.
 *
 * @throws {FormatError} when lengths, offsets or names contradict each other or the file
 * @throws {UnsupportedError} for version 1, big-endian files, and types of tensors that are unknown
 * @example
 * const bytes = new Uint8Array(24)
 * bytes.set([0x47, 0x47, 0x55, 0x46, 3]) // 'GGUF', version 3, no tensors, no metadata
 * const file = await openGguf(bytes)
 * file.tensors.size // => 0
 */
export function openGguf(from: Source, options: SourceOptions = {}): Promise<GgufFile> {
  return parseSource(from, options, async source => {
    const reader = new BufferedReader(source, WHERE)
    const { version, tensorCount, metadataCount } = await readHeader(reader)
    const metadata = await readMetadata(reader, metadataCount)
    const metadataEnd = reader.position
    const tensors = await readTensors(reader, tensorCount)
    const alignment = alignmentOf(metadata)
    const dataStart = Math.ceil(reader.position / alignment) * alignment
    checkPlaces(tensors, alignment, source.byteLength - dataStart)
    return {
      version,
      metadata,
      tensors,
      async read(name, signal) {
        const { type, dims, format, offset, byteLength } = findTensor(tensors, name, WHERE)
        if (type === undefined) {
          throw new UnsupportedError(
            `[${WHERE}] expected a type that Tersor reads for ${quoted(name)}, got ${format.name}; quantise the model to another type`,
          )
        }
        const bytes = await source.read(dataStart + offset, byteLength, signal)
        return format.decode === undefined ? new Tensor(type, bytes, dims) : decodeBlocks(bytes, format, dims)
      },
      async metadataFile() {
        const bytes = new Uint8Array(await source.read(0, metadataEnd))
        bytes.fill(0, TENSOR_COUNT_AT, TENSOR_COUNT_AT + 8)
        return bytes
      },
      close: () => source.close(),
    }
  })
}

async function readHeader(reader: BufferedReader) {
  await reader.need(HEADER_BYTES)
  const magic = await reader.uint32()
  if (magic !== MAGIC)
    throw new FormatError(`[${WHERE}] expected a file that starts with 'GGUF', got 0x${magic.toString(16)}`)
  const version = await reader.uint32()
  // A small number whose low bytes are zero was written the other way round.
  if (version !== 0 && (version & 0xffff) === 0) {
    throw new UnsupportedError(
      `[${WHERE}] expected a little-endian file, got a big-endian one; convert it with gguf-py's convert_endian`,
    )
  }
  if (version !== 2 && version !== 3) {
    throw new UnsupportedError(
      `[${WHERE}] expected version 2 or 3, got ${version}; convert the model again with a current llama.cpp`,
    )
  }
  const tensorCount = await reader.uint64()
  const metadataCount = await reader.uint64()
  if (tensorCount > MAX_TENSORS)
    throw new FormatError(`[${WHERE}] expected at most ${MAX_TENSORS} tensors, got ${tensorCount}`)
  return { version: version as 2 | 3, tensorCount, metadataCount }
}

async function readTensors(
  reader: BufferedReader,
  count: number,
): Promise<ReadonlyMap<string, PlacedTensor>> {
  const tensors = new Map<string, PlacedTensor>()
  for (let i = 0; i < count; i++) {
    const name = await reader.string(MAX_KEY_BYTES)
    if (tensors.has(name))
      throw new FormatError(`[${WHERE}] expected each tensor once, got ${quoted(name)} twice`)
    tensors.set(name, await readTensor(reader, name))
  }
  return tensors
}

async function readTensor(reader: BufferedReader, name: string): Promise<PlacedTensor> {
  const rank = await reader.uint32()
  if (rank > MAX_DIMS)
    throw new FormatError(
      `[${WHERE}] expected at most ${MAX_DIMS} dimensions for ${quoted(name)}, got ${rank}`,
    )
  const dims: number[] = []
  for (let i = 0; i < rank; i++) dims.unshift(await reader.uint64())
  const type = await reader.uint32()
  const offset = await reader.uint64()
  const format = ggmlTypes.get(type)
  if (format === undefined) {
    throw new UnsupportedError(
      `[${WHERE}] expected a known ggml type for ${quoted(name)}, got number ${type}; quantise the model to another type`,
    )
  }
  const size = elementCount(dims, WHERE)
  const columns = dims.at(-1) ?? 1
  if (columns % format.blockElements !== 0) {
    throw new FormatError(
      `[${WHERE}] expected rows of a multiple of ${format.blockElements} elements for ${quoted(name)}, ${format.name}, got ${columns}`,
    )
  }
  const byteLength = (size / format.blockElements) * format.blockBytes
  return { type: format.type, ggmlType: format.name, dims: Object.freeze(dims), byteLength, format, offset }
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT
  if (
    typeof alignment !== 'number' ||
    !Number.isInteger(Math.log2(alignment)) ||
    alignment < 1 ||
    alignment >= 2 ** 32
  ) {
    throw new FormatError(
      `[${WHERE}] expected general.alignment to be a power of two, got ${quoted(String(alignment))}`,
    )
  }
  return alignment
}

/** Every tensor starts aligned, lies within the data, and shares no byte with another. */
function checkPlaces(tensors: ReadonlyMap<string, PlacedTensor>, alignment: number, dataBytes: number): void {
  let end = 0
  for (const [name, { offset, byteLength }] of [...tensors].sort(
    ([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength,
  )) {
    if (offset % alignment !== 0 || offset < end || offset + byteLength > dataBytes) {
      throw new FormatError(
        `[${WHERE}] expected ${quoted(name)} at a multiple of ${alignment} from ${end} on, within ${Math.max(dataBytes, 0)} bytes of data, ` +
          `got ${byteLength} bytes at ${offset}; the file is cut short or its offsets are wrong`,
      )
    }
    end = offset + byteLength
  }
}

function decodeBlocks(
  bytes: Uint8Array,
  { decode, blockElements, blockBytes }: GgmlType,
  dims: readonly number[],
): Tensor {
  const count = bytes.length / blockBytes
  const out = new Float32Array(allocate(count * blockElements * 4).buffer)
  for (let i = 0; i < count; i++) decode!(bytes, i * blockBytes, out, i * blockElements)
  return new Tensor('float32', out, dims)
}
