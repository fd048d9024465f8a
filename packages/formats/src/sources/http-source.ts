import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { RandomAccess, SourceOptions } from '../random-access.ts'
import { allocate } from './allocate.ts'

/** A web resource, read with range requests; the first one asks for one byte and learns the size. */
export async function httpSource(url: URL, options: SourceOptions): Promise<RandomAccess> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UnsupportedError(`[formats/source] expected a file:, http: or https: URL, got ${url.protocol}`)
  }
  const send = options.fetch ?? fetch
  const first = await requestRange(send, url, 0, 1, options.signal)
  await connected(url, options.signal, Promise.resolve(first.body?.cancel()))
  const byteLength = first.total
  return {
    byteLength,
    async read(start, length, signal) {
      const { body, total, from } = await requestRange(send, url, start, length, signal)
      if (total !== byteLength || from !== start) {
        await body?.cancel()
        throw new FormatError(
          `[formats/source] expected bytes from ${start} of ${byteLength} of ${url.href}, got from ${from} of ${total}; ` +
            'the file changed, open it again',
        )
      }
      return connected(url, signal, collect(body, length))
    },
    close: async () => {},
  }
}

interface RangeResponse {
  readonly body: ReadableStream<Uint8Array> | null
  readonly from: number
  readonly total: number
}

async function requestRange(
  send: typeof fetch,
  url: URL,
  start: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<RangeResponse> {
  const headers = { range: `bytes=${start}-${start + length - 1}` }
  const response = await connected(url, signal, send(url, { headers, signal: signal ?? null }))
  const { status, body } = response
  const contentRange = response.headers.get('content-range') ?? ''
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange)
  if (status === 206 && range !== null) return { body, from: Number(range[1]), total: Number(range[2]) }
  await body?.cancel()
  // An empty file satisfies no range at all.
  if (status === 416 && contentRange === 'bytes */0') return { body: null, from: 0, total: 0 }
  if (status === 200) {
    throw new UnsupportedError(
      `[formats/source] expected status 206 for a byte range of ${url.href}, got 200: the server ignores ranges; ` +
        'download the whole file and pass its bytes, or use a server that supports range requests',
    )
  }
  if (status === 206) {
    throw new UnsupportedError(
      `[formats/source] expected a Content-Range with the total size from ${url.href}, got '${contentRange}'; ` +
        'let the server expose that header to scripts (Access-Control-Expose-Headers: Content-Range)',
    )
  }
  throw new FormatError(
    `[formats/source] expected status 206 from ${url.href}, got ${status}; check the URL and the rights to it`,
  )
}

/** What `fetch` gives; a connection that fails or breaks off is a typed error, an abort stays what it is. */
async function connected<T>(url: URL, signal: AbortSignal | undefined, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof TypeError)) throw error
    const why = error.cause instanceof Error ? error.cause.message : error.message
    throw new FormatError(
      `[formats/source] expected an answer from ${url.href}, got '${why}'; check the URL and the connection`,
    )
  }
}

/** A body of at most `length` bytes; a server that sends more is cut off. */
async function collect(body: ReadableStream<Uint8Array> | null, length: number): Promise<Uint8Array> {
  const bytes = allocate(length)
  let filled = 0
  const reader = body?.getReader()
  while (reader !== undefined && filled < length) {
    const { done, value } = await reader.read()
    if (done) break
    const fits = value.subarray(0, length - filled)
    bytes.set(fits, filled)
    filled += fits.length
  }
  await reader?.cancel()
  return bytes.subarray(0, filled)
}
