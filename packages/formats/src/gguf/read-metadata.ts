import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { BufferedReader } from '../buffered-reader.ts'
import { quoted } from '../quoted.ts'

const WHERE = 'formats/gguf'

/** A metadata value; integers of 2^53 and more are bigints. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[]

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
const NUMBERS: Readonly<
  Record<number, { bytes: number; read(view: DataView, at: number): number | bigint | boolean }>
> = {
  0: { bytes: 1, read: (view, at) => view.getUint8(at) },
  1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  2: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  3: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  4: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  5: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  7: { bytes: 1, read: (view, at) => view.getUint8(at) !== 0 },
  10: { bytes: 8, read: (view, at) => whole(view.getBigUint64(at, true)) },
  11: { bytes: 8, read: (view, at) => whole(view.getBigInt64(at, true)) },
  12: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
}

/** What a file says of itself. */
export interface GgufMetadata {
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** Where in the file each key begins and its value ends. */
  readonly places: ReadonlyMap<string, readonly [start: number, end: number]>
  /** The keys whose text is no UTF-8. */
  readonly notUtf8: ReadonlySet<string>
}

/** The key-value pairs after the header: key, type, value. */
export async function readMetadata(reader: BufferedReader, count: number): Promise<GgufMetadata> {
  if (count > MAX_METADATA)
    throw new FormatError(`[${WHERE}] expected at most ${MAX_METADATA} metadata values, got ${count}`)
  const metadata = new Map<string, GgufValue>()
  const places = new Map<string, readonly [number, number]>()
  const notUtf8 = new Set<string>()
  for (let i = 0; i < count; i++) {
    const start = reader.position
    const key = await reader.string(MAX_KEY_BYTES)
    if (metadata.has(key))
      throw new FormatError(`[${WHERE}] expected each metadata key once, got ${quoted(key)} twice`)
    const type = await reader.uint32()
    const malformed = () => void notUtf8.add(key)
    metadata.set(key, await readValue(reader, type, { key, depth: 0, malformed }))
    places.set(key, [start, reader.position])
  }
  return { metadata, places, notUtf8 }
}

/** Whose value it is, how deep in arrays, and whom to tell of text that is no UTF-8. */
interface Surroundings {
  readonly key: string
  readonly depth: number
  readonly malformed: () => void
}

async function readValue(reader: BufferedReader, type: number, around: Surroundings): Promise<GgufValue> {
  if (type === STRING) return reader.string(MAX_STRING_BYTES, around.malformed)
  if (type === ARRAY) return readArray(reader, around)
  const { bytes, read } = numberType(type, around.key)
  await reader.need(bytes)
  return reader.number(bytes, read)
}

async function readArray(
  reader: BufferedReader,
  { key, depth, malformed }: Surroundings,
): Promise<readonly GgufValue[]> {
  if (depth === MAX_ARRAY_DEPTH)
    throw new FormatError(`[${WHERE}] expected arrays at most ${MAX_ARRAY_DEPTH} deep for ${quoted(key)}`)
  const type = await reader.uint32()
  const length = await reader.uint64()
  // A string takes at least its length, an array its type and length.
  const itemBytes = type === STRING ? 8 : type === ARRAY ? 12 : numberType(type, key).bytes
  if (length > MAX_ARRAY_LENGTH || length * itemBytes > reader.remaining) {
    throw new FormatError(
      `[${WHERE}] expected an array of at most ${MAX_ARRAY_LENGTH} items in the ${reader.remaining} bytes left for ${quoted(key)}, got ${length}`,
    )
  }
  if (type === STRING) return reader.strings(length, MAX_STRING_BYTES, malformed)
  const values: GgufValue[] = []
  if (type === ARRAY) {
    for (let i = 0; i < length; i++)
      values.push(await readValue(reader, type, { key, depth: depth + 1, malformed }))
    return values
  }
  const { bytes, read } = numberType(type, key)
  for (let i = 0; i < length; i++) {
    // Without a promise for each of a million scores.
    const more = reader.need(bytes)
    if (more !== undefined) await more
    values.push(reader.number(bytes, read))
  }
  return values
}

function numberType(type: number, key: string) {
  const found = NUMBERS[type]
  if (found === undefined)
    throw new UnsupportedError(
      `[${WHERE}] expected metadata of types 0 to 12 for ${quoted(key)}, got type ${type}`,
    )
  return found
}

/** A 64-bit integer as a number where numbers are exact. */
function whole(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
