import type { RandomAccess } from '../random-access.ts'

/** What one read of the source fetches: a few round trips for a large tensor, little beside what is made of it. */
const BUFFER_BYTES = 2 ** 22

/** Where blocks lie: whole ones of `blockBytes` each. */
export interface BlockRange {
  readonly start: number
  readonly byteLength: number
  readonly blockBytes: number
}

/**
 * Hands over the blocks of a range one by one, and holds a buffer of them at a time.
 *
 * @param take  gets the buffer, where in it the block starts, and which of the range it is
 */
export async function takeBlocks(
  source: RandomAccess,
  { start, byteLength, blockBytes }: BlockRange,
  take: (bytes: Uint8Array, at: number, index: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const atOnce = Math.floor(BUFFER_BYTES / blockBytes) * blockBytes
  for (let done = 0; done < byteLength; done += atOnce) {
    const bytes = await source.read(start + done, Math.min(atOnce, byteLength - done), signal)
    for (let at = 0; at < bytes.length; at += blockBytes) take(bytes, at, (done + at) / blockBytes)
  }
}
