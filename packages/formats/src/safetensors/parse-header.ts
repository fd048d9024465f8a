import { FormatError } from '@tersor/core-tensor'
import { decodeUtf8 } from '../decode-utf8.ts'
import { elementCount } from '../element-count.ts'
import { jsonObject, parseJson } from '../parse-json.ts'
import { quoted } from '../quoted.ts'
import { fromSafetensorsDType, storedBytes } from './dtypes.ts'
import type { SafetensorsInfo } from './open-safetensors.ts'

const WHERE = 'formats/safetensors'

/** The limit of the official reader; a header of this size would describe about a million tensors. */
export const MAX_HEADER_BYTES = 100_000_000

/** header → tensor → shape: nothing in a header nests deeper. */
const MAX_HEADER_DEPTH = 3

/** A tensor's place: its bytes start here in the file. */
export type PlacedTensor = SafetensorsInfo & { readonly start: number }

export interface Header {
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>
  readonly metadata: ReadonlyMap<string, string>
}

/**
 * The header of a safetensors file, checked as the official reader does: the tensors' data follow
 * each other without holes or overlaps and end with the file.
 *
 * @param dataStart  where the data start in the file: 8 + the header's length
 * @param fileBytes  the length of the file
 */
export function parseHeader(bytes: Uint8Array, dataStart: number, fileBytes: number): Header {
  if (bytes[0] !== 0x7b)
    throw new FormatError(`[${WHERE}] expected a header that starts with '{'; is this a safetensors file?`)
  const text = decodeUtf8(bytes, WHERE)
  const header = jsonObject(
    parseJson(text, { maxDepth: MAX_HEADER_DEPTH, where: WHERE }),
    'the header',
    WHERE,
  )
  const tensors: [string, PlacedTensor][] = []
  let metadata: ReadonlyMap<string, string> = new Map()
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = parseMetadata(value)
    else tensors.push([name, parseTensor(name, value, dataStart)])
  }
  tensors.sort(([, a], [, b]) => a.start - b.start || a.byteLength - b.byteLength)
  let end = dataStart
  for (const [name, { start, byteLength }] of tensors) {
    if (start !== end) {
      throw new FormatError(
        `[${WHERE}] expected the data of ${quoted(name)} at offset ${end - dataStart}, where the tensor before it ends, ` +
          `got ${start - dataStart}; the header has holes or overlaps`,
      )
    }
    end += byteLength
  }
  if (end !== fileBytes) {
    throw new FormatError(
      `[${WHERE}] expected a file of ${end} bytes as its header says, got ${fileBytes}; it was cut short or extended`,
    )
  }
  return { tensors: new Map(tensors), metadata }
}

function parseMetadata(value: unknown): ReadonlyMap<string, string> {
  // The official reader takes null as none.
  const entries = Object.entries(jsonObject(value ?? {}, '__metadata__', WHERE))
  for (const [key, text] of entries) {
    if (typeof text !== 'string')
      throw new FormatError(`[${WHERE}] expected metadata ${quoted(key)} to be a string`)
  }
  return new Map(entries as [string, string][])
}

function parseTensor(name: string, value: unknown, dataStart: number): PlacedTensor {
  const { dtype, shape, data_offsets: offsets } = jsonObject(value, `tensor ${quoted(name)}`, WHERE)
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2) {
    throw new FormatError(
      `[${WHERE}] expected tensor ${quoted(name)} to have dtype, shape and two data_offsets`,
    )
  }
  const [begin, end] = offsets as unknown[]
  if (!isOffset(begin) || !isOffset(end) || begin > end) {
    throw new FormatError(
      `[${WHERE}] expected rising offsets for ${quoted(name)}, got ${JSON.stringify(offsets).slice(0, 100)}`,
    )
  }
  const size = elementCount(shape, WHERE)
  const type = fromSafetensorsDType(dtype)
  const expected = storedBytes(dtype, size)
  if (expected !== undefined && expected !== end - begin) {
    throw new FormatError(
      `[${WHERE}] expected ${expected} bytes for ${quoted(name)}, ${dtype} [${shape}], got ${end - begin}`,
    )
  }
  return {
    type,
    dtype,
    dims: Object.freeze(shape as number[]),
    byteLength: end - begin,
    start: dataStart + begin,
  }
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
