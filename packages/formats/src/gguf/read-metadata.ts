import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { quoted } from '../quoted.ts'
import { type BufferedReader, safe } from './buffered-reader.ts'

const WHERE = 'formats/gguf'

/** A metadata value; integers of 64 bits are numbers. */
export type GgufValue = number | boolean | string | readonly GgufValue[]

/** Published files have fewer than a hundred. */
const MAX_METADATA = 65_536

/** The specification's own limit. */
export const MAX_KEY_BYTES = 65_535

/** Chat templates and licences run to tens of kilobytes, tokenizer tables as one string to megabytes. */
const MAX_STRING_BYTES = 2 ** 26

/** The largest vocabularies have a million entries, their merges a few more. */
const MAX_ARRAY_LENGTH = 2 ** 24

/** Published files have arrays of values only; the specification allows arrays of arrays. */
const MAX_ARRAY_DEPTH = 4

const STRING = 8
const ARRAY = 9

/** The types of fixed width: bytes, and how to read one. */
const NUMBERS: Readonly<Record<number, { bytes: number; read(view: DataView): number | boolean }>> = {
  0: { bytes: 1, read: view => view.getUint8(0) },
  1: { bytes: 1, read: view => view.getInt8(0) },
  2: { bytes: 2, read: view => view.getUint16(0, true) },
  3: { bytes: 2, read: view => view.getInt16(0, true) },
  4: { bytes: 4, read: view => view.getUint32(0, true) },
  5: { bytes: 4, read: view => view.getInt32(0, true) },
  6: { bytes: 4, read: view => view.getFloat32(0, true) },
  7: { bytes: 1, read: view => view.getUint8(0) !== 0 },
  10: { bytes: 8, read: view => safe(view.getBigUint64(0, true), WHERE) },
  11: { bytes: 8, read: view => safe(view.getBigInt64(0, true), WHERE) },
  12: { bytes: 8, read: view => view.getFloat64(0, true) },
}

/** The key-value pairs after the header: key, type, value. */
export async function readMetadata(
  reader: BufferedReader,
  count: number,
): Promise<ReadonlyMap<string, GgufValue>> {
  if (count > MAX_METADATA)
    throw new FormatError(`[${WHERE}] expected at most ${MAX_METADATA} metadata values, got ${count}`)
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < count; i++) {
    const key = await reader.string(MAX_KEY_BYTES)
    if (metadata.has(key))
      throw new FormatError(`[${WHERE}] expected each metadata key once, got ${quoted(key)} twice`)
    metadata.set(key, await readValue(reader, await reader.uint32(), 0))
  }
  return metadata
}

async function readValue(reader: BufferedReader, type: number, depth: number): Promise<GgufValue> {
  if (type === STRING) return reader.string(MAX_STRING_BYTES)
  if (type === ARRAY) return readArray(reader, depth)
  const { bytes, read } = numberType(type)
  await reader.need(bytes)
  return read(reader.number(bytes))
}

async function readArray(reader: BufferedReader, depth: number): Promise<readonly GgufValue[]> {
  if (depth === MAX_ARRAY_DEPTH)
    throw new FormatError(`[${WHERE}] expected arrays at most ${MAX_ARRAY_DEPTH} deep`)
  const type = await reader.uint32()
  const length = await reader.uint64()
  // A string takes at least its length, an array its type and length.
  const itemBytes = type === STRING ? 8 : type === ARRAY ? 12 : numberType(type).bytes
  if (length > MAX_ARRAY_LENGTH || length * itemBytes > reader.remaining) {
    throw new FormatError(
      `[${WHERE}] expected an array of at most ${MAX_ARRAY_LENGTH} items in the ${reader.remaining} bytes left, got ${length}`,
    )
  }
  const values: GgufValue[] = []
  if (type === STRING || type === ARRAY) {
    for (let i = 0; i < length; i++) values.push(await readValue(reader, type, depth + 1))
    return values
  }
  const { bytes, read } = numberType(type)
  for (let i = 0; i < length; i++) {
    // Without a promise for each of a million scores.
    const more = reader.need(bytes)
    if (more !== undefined) await more
    values.push(read(reader.number(bytes)))
  }
  return values
}

function numberType(type: number) {
  const found = NUMBERS[type]
  if (found === undefined)
    throw new UnsupportedError(`[${WHERE}] expected metadata of types 0 to 12, got type ${type}`)
  return found
}
