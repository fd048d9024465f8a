import { FormatError, TersorError } from '@tersor/core-tensor'

/** Inflates a raw deflate stream to exactly `size` bytes; stops at the first byte beyond. */
export async function inflate(deflated: Uint8Array, size: number, where: string): Promise<Uint8Array> {
  const { bytes, more } = await inflated(
    new Blob([deflated as Uint8Array<ArrayBuffer>]).stream(),
    size,
    where,
  )
  if (more || bytes.length !== size) {
    throw new FormatError(
      `[${where}] expected ${size} bytes after inflating, got ${more ? 'more' : bytes.length}; the archive is damaged`,
    )
  }
  return bytes
}

/** The first `length` bytes that a raw deflate stream inflates to, or all where it is shorter; reads no more than it takes. */
export async function inflateStart(
  deflated: ReadableStream<Uint8Array>,
  length: number,
  where: string,
): Promise<Uint8Array> {
  return (await inflated(deflated, length, where)).bytes
}

/** At most `length` bytes, and whether there are more. */
async function inflated(deflated: ReadableStream<Uint8Array>, length: number, where: string) {
  const chunks: Uint8Array[] = []
  let total = 0
  try {
    const stream = deflated.pipeThrough(
      new DecompressionStream('deflate-raw') as ReadableWritablePair<Uint8Array, Uint8Array>,
    )
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      total += chunk.length
      if (total > length) break
    }
  } catch (error) {
    if (error instanceof TersorError) throw error
    throw new FormatError(
      `[${where}] expected a deflate stream, got bytes that do not inflate: ${(error as Error).message}`,
    )
  }
  const bytes = new Uint8Array(Math.min(total, length))
  let at = 0
  for (const chunk of chunks) {
    const rest = chunk.subarray(0, bytes.length - at)
    bytes.set(rest, at)
    at += rest.length
  }
  return { bytes, more: total > length }
}
