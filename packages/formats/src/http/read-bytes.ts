import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { Connection } from './connection.ts'
import { type FileAnswer, Interrupted, openAnswer } from './open-answer.ts'
import { pauseAfter } from './pause-after.ts'
import { piecesOf } from './pieces-of.ts'
import { urlText } from './url-text.ts'

/** What is known of a file before some of it is read. */
export interface Expected {
  readonly byteLength?: number | undefined
  readonly etag?: string | undefined
}

/** Which bytes are read. */
export interface Span {
  readonly start: number
  /** Undefined for all that there is: then a server need not know ranges. */
  readonly end?: number | undefined
}

/**
 * The bytes of a file in order, in the pieces that they come in. Where the body breaks off or stalls, the next request
 * goes on at the byte that was reached.
 *
 * @throws {FormatError} when the file changes on the way, is shorter than it should be, or the connection fails for good
 * @throws {UnsupportedError} when a range is asked for and the server ignores it
 */
export async function* readBytes(
  connection: Connection,
  { start, end }: Span,
  expected: Expected,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { url, patience } = connection
  let known = expected
  let position = start
  for (let failures = 0; ; ) {
    try {
      const answer = await openAnswer(connection, rangeText(position, end), signal)
      try {
        known = requireSame(known, answer, url)
        const last = end ?? known.byteLength
        const skip = distanceTo(position, answer, end, url)
        for await (const piece of piecesOf(answer, connection, skip, signal)) {
          const fits = last === undefined ? piece : piece.subarray(0, last - position)
          position += fits.length
          failures = 0
          if (fits.length > 0) yield fits
          if (position === last) return
        }
        if (last === undefined || position === last) return
        throw new Interrupted(tooShort(url, { start, end: last }, position), true)
      } finally {
        answer.end()
      }
    } catch (error) {
      await pauseAfter(error, ++failures, patience, signal)
    }
  }
}

/** A range even of the whole: only then do browsers ask for bytes as they are, not compressed on the way. */
function rangeText(position: number, end: number | undefined): string {
  return `bytes=${position}-${end === undefined ? '' : end - 1}`
}

function tooShort(url: URL, { start, end }: Required<Span>, position: number): FormatError {
  return new FormatError(
    `[formats/source] expected ${end! - start} bytes at ${start} of ${urlText(url)}, got ${position - start}; ` +
      'the file changed or is cut short',
  )
}

/** What is known after an answer, which must not say otherwise. */
function requireSame(known: Expected, { total, etag }: FileAnswer, url: URL): Expected {
  const sizes = [known.byteLength ?? total, total ?? known.byteLength]
  const tags = [known.etag ?? etag, etag ?? known.etag]
  if (sizes[0] === sizes[1] && tags[0] === tags[1]) return { byteLength: sizes[0], etag: tags[0] }
  const what = sizes[0] === sizes[1] ? 'another ETag' : `${sizes[1]}`
  throw new FormatError(
    `[formats/source] expected the same ${sizes[0] ?? 'unknown number of'} bytes at ${urlText(url)} again, got ${what}; ` +
      'the file changed, open it again',
  )
}

/** How many bytes of a body come before those that are wanted: a server without ranges begins at the beginning. */
function distanceTo(
  position: number,
  { from, ranged }: FileAnswer,
  end: number | undefined,
  url: URL,
): number {
  if (from === position) return 0
  if (ranged) {
    throw new FormatError(
      `[formats/source] expected bytes from ${position} of ${urlText(url)}, got from ${from}; the server answers other ranges than it is asked for`,
    )
  }
  if (end === undefined) return position
  throw new UnsupportedError(
    `[formats/source] expected status 206 for a byte range of ${urlText(url)}, got 200: the server ignores ranges; ` +
      'download the whole file and pass its bytes or pass a `cache`, or use a server that supports range requests',
  )
}
