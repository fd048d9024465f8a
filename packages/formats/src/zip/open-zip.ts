import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { decodeUtf8 } from '../decode-utf8.ts'
import { quoted } from '../quoted.ts'
import type { RandomAccess } from '../random-access.ts'
import { crc32 } from './crc32.ts'
import { inflate, inflateStart } from './inflate.ts'

const WHERE = 'formats/zip'

/** The end record, and the longest comment that may follow it. */
const END_BYTES = 22
const MAX_COMMENT_BYTES = 65_535

/** A central directory entry takes at least 46 bytes, so this is what an archive without zip64 can list. */
const MAX_DIRECTORY_BYTES = 2 ** 26

/** A local header, without the name behind it. */
const LOCAL_BYTES = 30

/** What one read fetches of an entry that is looked into: enough for the header of an array. */
const BUFFER_BYTES = 2 ** 14

/** No deflate stream expands further; an archive that claims more lies. */
const MAX_EXPANSION = 1032

/** Signatures of the records. */
const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END64 = 0x06064b50
const LOCATOR64 = 0x07064b50

/** Methods of compression. */
const STORED = 0
const DEFLATED = 8

/** Flags. */
const ENCRYPTED = 1
const UTF8 = 0x800

export interface ZipEntry {
  readonly name: string
  /** Bytes after inflating. */
  readonly size: number
  /** All of it, checked against its checksum. */
  read(signal?: AbortSignal): Promise<Uint8Array>
  /** Its first bytes, fewer where it is shorter. */
  readStart(length: number, signal?: AbortSignal): Promise<Uint8Array>
  /** Any bytes of an entry that is not compressed; undefined for others. */
  readonly readRange?:
    | ((start: number, length: number, signal?: AbortSignal) => Promise<Uint8Array>)
    | undefined
}

interface CentralEntry {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly compressedSize: number
  readonly size: number
  readonly offset: number
}

/**
 * The entries of a zip archive, as its central directory lists them; stored or deflated, with or without zip64.
 *
 * @throws {FormatError} when the directory contradicts the file, names occur twice or entries overlap
 */
export async function openZip(source: RandomAccess): Promise<ZipEntry[]> {
  const { start, length, count } = await findDirectory(source)
  if (length > MAX_DIRECTORY_BYTES) {
    throw new FormatError(
      `[${WHERE}] expected a directory of at most ${MAX_DIRECTORY_BYTES} bytes, got ${length}`,
    )
  }
  const entries = parseDirectory(await source.read(start, length), count)
  checkPlaces(entries, start)
  return entries.map(entry => {
    const readRange = async (start: number, length: number, signal?: AbortSignal) =>
      source.read((await dataStartOf(source, entry, signal)) + start, length, signal)
    const isStored = entry.method === STORED
    return {
      name: entry.name,
      size: entry.size,
      read: signal => readEntry(source, entry, signal),
      async readStart(most, signal) {
        const length = Math.min(most, entry.size)
        if (isStored) return readRange(0, length, signal)
        return inflateStart(await deflatedOf(source, entry, signal), length, WHERE)
      },
      readRange: isStored ? readRange : undefined,
    }
  })
}

async function findDirectory(
  source: RandomAccess,
): Promise<{ start: number; length: number; count: number }> {
  const tailLength = Math.min(source.byteLength, END_BYTES + MAX_COMMENT_BYTES)
  const tail = viewOf(await source.read(source.byteLength - tailLength, tailLength))
  for (let at = tailLength - END_BYTES; at >= 0; at--) {
    // A comment that looks like an end record does not end with the file.
    if (tail.getUint32(at, true) !== END || at + END_BYTES + tail.getUint16(at + 20, true) !== tailLength)
      continue
    const [count, length, start] = [
      tail.getUint16(at + 10, true),
      tail.getUint32(at + 12, true),
      tail.getUint32(at + 16, true),
    ]
    if (count !== 0xffff && length !== 0xffffffff && start !== 0xffffffff) return { start, length, count }
    return findDirectory64(source, source.byteLength - tailLength + at)
  }
  throw new FormatError(`[${WHERE}] expected the end record of a zip archive; is this one, and whole?`)
}

/** With zip64, a locator of 20 bytes before the end record says where the wider end record is. */
async function findDirectory64(
  source: RandomAccess,
  end: number,
): Promise<{ start: number; length: number; count: number }> {
  const locator = viewOf(await source.read(end - 20, 20))
  if (locator.getUint32(0, true) !== LOCATOR64)
    throw new FormatError(`[${WHERE}] expected a zip64 locator before the end record`)
  const record = viewOf(await source.read(uint64(locator, 8), 56))
  if (record.getUint32(0, true) !== END64)
    throw new FormatError(`[${WHERE}] expected a zip64 end record where the locator points`)
  return { count: uint64(record, 32), length: uint64(record, 40), start: uint64(record, 48) }
}

function parseDirectory(bytes: Uint8Array, count: number): CentralEntry[] {
  const view = viewOf(bytes)
  const entries: CentralEntry[] = []
  const names = new Set<string>()
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) {
      throw new FormatError(`[${WHERE}] expected ${count} entries in the directory, got ${i}`)
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map(field =>
      view.getUint16(at + field, true),
    ) as [number, number, number]
    const end = at + 46 + nameLength + extraLength + commentLength
    if (end > bytes.length)
      throw new FormatError(`[${WHERE}] expected entry ${i} to end within the directory`)
    const flags = view.getUint16(at + 8, true)
    const nameBytes = bytes.subarray(at + 46, at + 46 + nameLength)
    const name = flags & UTF8 ? decodeUtf8(nameBytes, WHERE) : String.fromCharCode(...nameBytes)
    if (names.has(name))
      throw new FormatError(`[${WHERE}] expected each entry once, got ${quoted(name)} twice`)
    names.add(name)
    const wide = wideFields(view, at, at + 46 + nameLength, extraLength)
    entries.push({
      name,
      flags,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      ...wide,
    })
    at = end
  }
  return entries
}

/** The sizes and the offset: 32 bits each, or in the zip64 extra field where they are all ones. */
function wideFields(view: DataView, at: number, extra: number, extraLength: number) {
  const fields = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)]
  for (let from = extra; from + 4 <= extra + extraLength; ) {
    const length = view.getUint16(from + 2, true)
    if (view.getUint16(from, true) === 1) {
      let value = from + 4
      const last = Math.min(from + 4 + length, extra + extraLength)
      for (let i = 0; i < 3; i++) {
        if (fields[i] !== 0xffffffff || value + 8 > last) continue
        fields[i] = uint64(view, value)
        value += 8
      }
    }
    from += 4 + length
  }
  const [size, compressedSize, offset] = fields as [number, number, number]
  return { size, compressedSize, offset }
}

/** Entries lie one after the other before the directory, so that no byte is inflated twice. */
function checkPlaces(entries: readonly CentralEntry[], directory: number): void {
  let end = 0
  for (const { name, size, compressedSize, offset, method } of [...entries].sort(
    (a, b) => a.offset - b.offset,
  )) {
    if (offset < end || offset + LOCAL_BYTES + compressedSize > directory) {
      throw new FormatError(
        `[${WHERE}] expected ${quoted(name)} between ${end} and ${directory}, got ${compressedSize} bytes at ${offset}`,
      )
    }
    if (method === STORED ? size !== compressedSize : size > compressedSize * MAX_EXPANSION) {
      throw new FormatError(
        `[${WHERE}] expected ${quoted(name)} to hold what ${compressedSize} bytes can, got a size of ${size}`,
      )
    }
    end = offset + LOCAL_BYTES + compressedSize
  }
}

async function readEntry(
  source: RandomAccess,
  entry: CentralEntry,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const dataStart = await dataStartOf(source, entry, signal)
  const stored = await source.read(dataStart, entry.compressedSize, signal)
  const bytes = entry.method === STORED ? stored : await inflate(stored, entry.size, WHERE)
  if (crc32(bytes) !== entry.crc) {
    throw new FormatError(
      `[${WHERE}] expected ${quoted(entry.name)} to match its checksum; the archive is damaged`,
    )
  }
  return bytes
}

/** The compressed bytes of an entry, a buffer at a time. */
async function deflatedOf(
  source: RandomAccess,
  entry: CentralEntry,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const dataStart = await dataStartOf(source, entry, signal)
  let done = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const length = Math.min(BUFFER_BYTES, entry.compressedSize - done)
      if (length === 0) return controller.close()
      controller.enqueue(await source.read(dataStart + done, length, signal))
      done += length
    },
  })
}

/** Where the bytes of an entry begin, behind its local header. */
async function dataStartOf(
  source: RandomAccess,
  { name, flags, method, offset }: CentralEntry,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (flags & ENCRYPTED)
    throw new UnsupportedError(
      `[${WHERE}] expected ${quoted(name)} without encryption; decrypt the archive first`,
    )
  if (method !== STORED && method !== DEFLATED) {
    throw new UnsupportedError(
      `[${WHERE}] expected ${quoted(name)} stored or deflated, got method ${method}; pack the archive again`,
    )
  }
  const local = viewOf(await source.read(offset, LOCAL_BYTES, signal))
  if (local.getUint32(0, true) !== LOCAL)
    throw new FormatError(`[${WHERE}] expected ${quoted(name)} to start at ${offset}`)
  return offset + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function uint64(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true))
  if (!Number.isSafeInteger(value))
    throw new FormatError(`[${WHERE}] expected sizes below 2^53, got ${value}`)
  return value
}
