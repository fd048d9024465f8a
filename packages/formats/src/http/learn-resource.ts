import { UnsupportedError } from '@tersor/core-tensor'
import type { Connection } from './connection.ts'
import { type FileAnswer, Interrupted, openAnswer } from './open-answer.ts'
import { pauseAfter } from './pause-after.ts'
import { urlText } from './url-text.ts'

/** What a server says about a file before any of it is read. */
export interface Resource {
  /** Undefined only where a server without ranges does not say. */
  readonly byteLength: number | undefined
  /** Whether parts of it can be asked for. */
  readonly ranged: boolean
  readonly etag: string | undefined
  readonly modified: string | undefined
}

/**
 * Learns the size of a file from the answer to a range of one byte; HEAD is refused by many servers.
 *
 * @throws {HttpStatusError} when it is not there, or not for everybody
 * @throws {UnsupportedError} when the server does not tell the size
 */
export async function learnResource(
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<Resource> {
  const first = await briefAnswer(connection, 'bytes=0-0', signal)
  // Some hide the size in the answer to a range, and say it with the whole.
  const hidden = first.ranged && first.total === undefined
  const { total } = hidden ? await briefAnswer(connection, undefined, signal) : first
  if (hidden && total === undefined) {
    throw new UnsupportedError(
      `[formats/source] expected ${urlText(connection.url)} with a Content-Range or a Content-Length that tells its size, got neither; ` +
        'download the file and pass its bytes',
    )
  }
  const { ranged, etag, modified } = first
  return { byteLength: total, ranged, etag, modified }
}

/** An answer without its body. */
async function briefAnswer(
  connection: Connection,
  range: string | undefined,
  signal: AbortSignal | undefined,
): Promise<FileAnswer> {
  for (let failures = 1; ; failures++) {
    try {
      const answer = await openAnswer(connection, range, signal)
      answer.end()
      return answer
    } catch (error) {
      // A server that was never reached is rather a wrong address than a bad moment.
      if (error instanceof Interrupted && !error.reached) throw error.failure
      await pauseAfter(error, failures, connection.patience, signal)
    }
  }
}
