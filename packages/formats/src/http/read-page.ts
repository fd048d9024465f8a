import { FormatError } from '@tersor/core-tensor'
import type { Connection } from './connection.ts'
import { openAnswer } from './open-answer.ts'
import { pauseAfter } from './pause-after.ts'
import { piecesOf } from './pieces-of.ts'
import { urlText } from './url-text.ts'

/** Lists of thousands of files take a few hundred bytes each. */
const MAX_PAGE_BYTES = 2 ** 24

/**
 * The text that a server makes for the occasion, and what its headers say; what broke off is asked for again as a whole.
 *
 * @throws {HttpStatusError} for a status that says no
 */
export async function readPage(
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<{ text: string; headers: Headers }> {
  for (let failures = 1; ; failures++) {
    try {
      const answer = await openAnswer(connection, undefined, signal)
      try {
        const decoder = new TextDecoder()
        let [text, length] = ['', 0]
        for await (const piece of piecesOf(answer, connection, 0, signal)) {
          text += decoder.decode(piece, { stream: true })
          length += piece.length
          if (length > MAX_PAGE_BYTES) throw tooLong(connection.url)
        }
        return { text: text + decoder.decode(), headers: answer.response.headers }
      } finally {
        answer.end()
      }
    } catch (error) {
      await pauseAfter(error, failures, connection.patience, signal)
    }
  }
}

function tooLong(url: URL): FormatError {
  return new FormatError(
    `[formats/source] expected at most ${MAX_PAGE_BYTES} bytes from ${urlText(url)}, got more`,
  )
}
