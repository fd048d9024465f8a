import { FormatError } from '@tersor/core-tensor'
import type { SourceOptions } from '../random-access.ts'
import { connectionTo } from './connection.ts'
import { readBytes } from './read-bytes.ts'
import { urlText } from './url-text.ts'

/**
 * All bytes of a small file on a server, with one request; it need not know ranges.
 *
 * @throws {FormatError} when it is longer than `maxBytes`
 */
export async function readWhole(url: URL, maxBytes: number, options: SourceOptions): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of readBytes(connectionTo(url, options), { start: 0 }, {}, options.signal)) {
    length += piece.length
    if (length > maxBytes) {
      throw new FormatError(
        `[formats/source] expected at most ${maxBytes} bytes from ${urlText(url)}, got more; is it a file of text?`,
      )
    }
    pieces.push(piece)
  }
  const bytes = new Uint8Array(length)
  let filled = 0
  for (const piece of pieces) {
    bytes.set(piece, filled)
    filled += piece.length
  }
  return bytes
}
