import { UnsupportedError } from '@tersor/core-tensor'
import { crc32 } from './crc32.ts'

/** 1 January 1980, the earliest that zip can say: the same entries give the same bytes at any time. */
const DATE = 0x21

const VERSION = 20

/** Names are UTF-8. */
const FLAGS = 0x800

/** A zip archive of stored or deflated entries, in the order given. Without zip64, so of less than 4 GiB. */
export async function writeZip(
  files: readonly (readonly [name: string, bytes: Uint8Array])[],
  { compress }: { compress: boolean },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  for (const [name, bytes] of files) {
    const nameBytes = new TextEncoder().encode(name)
    const stored = compress ? await deflate(bytes) : bytes
    // Shared by the local header and the directory: version to name length.
    const common = [
      [2, VERSION],
      [2, FLAGS],
      [2, compress ? 8 : 0],
      [2, 0],
      [2, DATE],
      [4, crc32(bytes)],
      [4, stored.length],
      [4, bytes.length],
      [2, nameBytes.length],
    ] as const
    chunks.push(record([4, 0x04034b50], ...common, [2, 0]), nameBytes, stored)
    directory.push(
      record([4, 0x02014b50], [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, at]),
      nameBytes,
    )
    at += 30 + nameBytes.length + stored.length
  }
  const length = directory.reduce((sum, { length }) => sum + length, 0)
  if (at + length >= 2 ** 32 - 1 || files.length >= 65_535) {
    throw new UnsupportedError(
      `[formats/zip] expected fewer than 65535 entries and 4 GiB, got ${files.length} and ${at + length} bytes; use several archives or safetensors`,
    )
  }
  chunks.push(
    ...directory,
    record(
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, files.length],
      [2, files.length],
      [4, length],
      [4, at],
      [2, 0],
    ),
  )
  return joined(chunks)
}

/** Little-endian fields one after the other: widths in bytes, values. */
function record(...fields: (readonly [width: 2 | 4, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    at += width
  }
  return bytes
}

async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('deflate-raw'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
