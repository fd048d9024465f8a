import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { BufferedReader } from '../buffered-reader.ts'
import { elementCount, MAX_RANK } from '../element-count.ts'
import { quoted } from '../quoted.ts'
import { parseSource, type RandomAccess, type Source, type SourceOptions } from '../random-access.ts'
import type { TensorInfo } from '../weight-file.ts'
import { type GgmlType, ggmlTypeOf } from './ggml-types.ts'
import { type GgufMetadata, type GgufValue, MAX_KEY_BYTES, readMetadata } from './read-metadata.ts'

const WHERE = 'formats/gguf'

/** 'GGUF' */
const MAGIC = 0x46554747

/** 'ggml', 'ggmf', 'ggjt' and 'ggla', of files before GGUF. */
const OLDER: ReadonlySet<number> = /* @__PURE__ */ new Set([0x67676d6c, 0x67676d66, 0x67676a74, 0x67676c61])

/** Magic, version, two counts. */
export const HEADER_BYTES = 24

/** Large mixtures of experts have some ten thousand tensors. */
const MAX_TENSORS = 2 ** 20

const DEFAULT_ALIGNMENT = 32

export interface GgufInfo extends TensorInfo {
  /** As ggml spells it: `f32`, `q4_K`, `iq4_xs`, …; of a number without a name here `type 99`. */
  readonly ggmlType: string
  /** Bytes in the file; of a type whose blocks are not known those up to the next tensor, padding included. */
  readonly byteLength: number
}

/** A tensor with its place: its bytes start here in the source. */
export type PlacedTensor = GgufInfo & {
  readonly format: GgmlType
  readonly source: RandomAccess
  readonly start: number
}

/** A file, which is a whole model or one part of one. */
export interface GgufPart extends GgufMetadata {
  readonly version: 2 | 3
  readonly tensors: ReadonlyMap<string, PlacedTensor>
  readonly source: RandomAccess
}

/** Opens one file: reads and checks its metadata and what it says of its tensors. */
export function openPart(from: Source, options: SourceOptions): Promise<GgufPart> {
  return parseSource(from, options, async source => {
    const reader = new BufferedReader(source, WHERE)
    const { version, tensorCount, metadataCount } = await readHeader(reader)
    const metadata = await readMetadata(reader, metadataCount)
    const described = await readTensors(reader, tensorCount)
    const alignment = alignmentOf(metadata.metadata)
    const dataStart = Math.ceil(reader.position / alignment) * alignment
    const byteLengths = checkedPlaces(described, alignment, source.byteLength - dataStart)
    const tensors = new Map<string, PlacedTensor>()
    for (const [name, { offset, dims, format }] of described) {
      const byteLength = byteLengths.get(name)!
      const info = { type: format.type, ggmlType: format.name, dims, byteLength }
      tensors.set(name, { ...info, format, source, start: dataStart + offset })
    }
    return { version, ...metadata, tensors, source }
  })
}

/** A tensor as the file describes it: its bytes start so far into the data. */
interface DescribedTensor {
  readonly dims: readonly number[]
  readonly format: GgmlType
  readonly size: number
  readonly offset: number
}

async function readHeader(reader: BufferedReader) {
  await reader.need(HEADER_BYTES)
  const magic = await reader.uint32()
  if (OLDER.has(magic)) {
    throw new UnsupportedError(
      `[${WHERE}] expected a file that starts with 'GGUF', got one of ggml's formats before it; ` +
        "convert it with llama.cpp's convert_llama_ggml_to_gguf.py",
    )
  }
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
): Promise<ReadonlyMap<string, DescribedTensor>> {
  const tensors = new Map<string, DescribedTensor>()
  for (let i = 0; i < count; i++) {
    const name = await reader.string(MAX_KEY_BYTES)
    if (tensors.has(name))
      throw new FormatError(`[${WHERE}] expected each tensor once, got ${quoted(name)} twice`)
    tensors.set(name, await readTensor(reader, name))
  }
  return tensors
}

async function readTensor(reader: BufferedReader, name: string): Promise<DescribedTensor> {
  const rank = await reader.uint32()
  // ggml has four, but tools in Python write more.
  if (rank > MAX_RANK)
    throw new FormatError(
      `[${WHERE}] expected at most ${MAX_RANK} dimensions for ${quoted(name)}, got ${rank}`,
    )
  const dims: number[] = []
  for (let i = 0; i < rank; i++) dims.unshift(await reader.uint64())
  const format = ggmlTypeOf(await reader.uint32())
  const offset = await reader.uint64()
  const size = elementCount(dims, WHERE)
  const columns = dims.at(-1) ?? 1
  if (format.blockElements !== undefined && columns % format.blockElements !== 0) {
    throw new FormatError(
      `[${WHERE}] expected rows of a multiple of ${format.blockElements} elements for ${quoted(name)}, ${format.name}, got ${columns}`,
    )
  }
  return { dims: Object.freeze(dims), format, size, offset }
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

/**
 * The bytes of each tensor, which starts aligned, lies within the data, and shares no byte with another. Where its type
 * does not say how many they are, they go on until the next tensor.
 */
function checkedPlaces(
  tensors: ReadonlyMap<string, DescribedTensor>,
  alignment: number,
  dataBytes: number,
): ReadonlyMap<string, number> {
  const inOrder = [...tensors]
    .map(([name, tensor]) => ({ name, offset: tensor.offset, tensor, known: knownBytes(tensor) }))
    .sort((a, b) => a.offset - b.offset || (a.known ?? 0) - (b.known ?? 0))
  const byteLengths = new Map<string, number>()
  let end = 0
  for (const [i, { name, offset, tensor, known }] of inOrder.entries()) {
    const byteLength = known ?? (inOrder[i + 1]?.offset ?? dataBytes) - offset
    const missing = known === undefined && byteLength === 0 && tensor.size > 0
    if (
      offset % alignment !== 0 ||
      offset < end ||
      offset + byteLength > dataBytes ||
      byteLength < 0 ||
      missing
    ) {
      throw new FormatError(
        `[${WHERE}] expected ${quoted(name)} at a multiple of ${alignment} from ${end} on, within ${Math.max(dataBytes, 0)} bytes of data, ` +
          `got ${byteLength} bytes at ${offset}; the file is cut short or its offsets are wrong`,
      )
    }
    byteLengths.set(name, byteLength)
    end = offset + byteLength
  }
  return byteLengths
}

function knownBytes({ format, size }: DescribedTensor): number | undefined {
  if (size === 0) return 0
  return format.blockElements === undefined ? undefined : (size / format.blockElements) * format.blockBytes
}
