import { FormatError } from '@tersor/core-tensor'

/** Inflates a raw deflate stream to exactly `size` bytes; stops at the first byte beyond. */
export async function inflate(deflated: Uint8Array, size: number, where: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let total = 0
  try {
    const stream = new Blob([deflated as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new DecompressionStream('deflate-raw'))
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
      total += chunk.length
      if (total > size) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw new FormatError(
      `[${where}] expected a deflate stream, got bytes that do not inflate: ${(error as Error).message}`,
    )
  }
  if (total !== size) {
    throw new FormatError(
      `[${where}] expected ${size} bytes after inflating, got ${total > size ? 'more' : total}; the archive is damaged`,
    )
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
