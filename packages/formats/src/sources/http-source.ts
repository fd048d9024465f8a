import { UnsupportedError } from '@tersor/core-tensor'
import { connectionTo } from '../http/connection.ts'
import { learnResource } from '../http/learn-resource.ts'
import { readBytes } from '../http/read-bytes.ts'
import { urlText } from '../http/url-text.ts'
import type { RandomAccess, SourceOptions } from '../random-access.ts'
import { allocate } from './allocate.ts'

/** A web resource, read with range requests; the first one asks for one byte and learns the size. */
export async function httpSource(url: URL, options: SourceOptions): Promise<RandomAccess> {
  const connection = connectionTo(url, options)
  const resource = await learnResource(connection, options.signal)
  const { byteLength } = resource
  if (byteLength === undefined || (!resource.ranged && byteLength > 0)) {
    throw new UnsupportedError(
      `[formats/source] expected status 206 for a byte range of ${urlText(url)}, got 200: the server ignores ranges; ` +
        'download the whole file and pass its bytes or pass a `cache`, or use a server that supports range requests',
    )
  }
  return {
    byteLength,
    async read(start, length, signal) {
      const bytes = allocate(length)
      let filled = 0
      for await (const piece of readBytes(connection, { start, end: start + length }, resource, signal)) {
        bytes.set(piece, filled)
        filled += piece.length
      }
      return bytes
    },
    close: async () => {},
  }
}
