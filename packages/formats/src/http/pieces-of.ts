import type { Connection } from './connection.ts'
import { type FileAnswer, interrupted } from './open-answer.ts'
import { waitFor } from './wait.ts'

/**
 * What a body brings behind its first `skip` bytes.
 *
 * @throws {Interrupted} when it breaks off or stalls
 */
export async function* piecesOf(
  { response }: FileAnswer,
  { url, patience }: Connection,
  skip: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  let left = skip
  try {
    for (;;) {
      const { done, value } = await waitFor(reader.read(), patience.stall, signal).catch(error =>
        interrupted(error, url, true, signal),
      )
      if (done) return
      if (value.length > left) yield value.subarray(left)
      left = Math.max(0, left - value.length)
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}
