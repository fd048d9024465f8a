import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { Connection } from './connection.ts'
import { ConnectionError } from './connection-error.ts'
import { type Answer, exchange } from './exchange.ts'
import { HttpStatusError } from './http-status-error.ts'
import { urlText } from './url-text.ts'
import { Stalled } from './wait.ts'

/** Answers of servers that are busy or out of order for now. */
const PASSING = [408, 429, 500, 502, 503, 504]

/** An answer that has bytes of the file, or says that it is empty. */
export interface FileAnswer extends Answer {
  /** Where the body begins in the file. */
  readonly from: number
  /** Bytes of the whole file, where the server says how many. */
  readonly total: number | undefined
  /** Whether the server knows ranges: it answered with one. */
  readonly ranged: boolean
  /** What tells this state of the file from any other, where the server vouches for it. */
  readonly etag: string | undefined
  readonly modified: string | undefined
}

/** Something broke that may hold when it is tried again. */
export class Interrupted extends Error {
  constructor(
    /** What to tell when it does not. */
    readonly failure: Error,
    /** Whether an answer had begun: the address is right. */
    readonly reached: boolean,
    /** Milliseconds that the server asks to wait. */
    readonly asked?: number,
  ) {
    super(failure.message)
  }
}

/**
 * Asks once for a file or a range of it, and says what the answer is.
 *
 * @throws {Interrupted} when it may be tried again
 * @throws {HttpStatusError} for a status that says no
 * @throws {FormatError} for pages, and ranges that nobody asked for
 */
export async function openAnswer(
  connection: Connection,
  range: string | undefined,
  signal: AbortSignal | undefined,
): Promise<FileAnswer> {
  const { url } = connection
  const answer = await exchange(connection, range, signal).catch(error =>
    interrupted(error, url, false, signal),
  )
  try {
    return { ...answer, ...described(answer.response, url, range) }
  } catch (error) {
    answer.end()
    throw error
  }
}

/** Rethrows a failure of a connection as one that may pass; an abort stays what it is. */
export function interrupted(
  error: unknown,
  url: URL,
  reached: boolean,
  signal: AbortSignal | undefined,
): never {
  signal?.throwIfAborted()
  const stalled = error instanceof Stalled
  if (!stalled && !(error instanceof TypeError) && (error as Error | undefined)?.name !== 'AbortError')
    throw error
  const { message, cause } = error as Error
  const why = cause instanceof Error ? cause.message : message
  throw new Interrupted(new ConnectionError(url, why), reached || stalled)
}

type Description = Omit<FileAnswer, keyof Answer>

function described({ status, headers }: Response, url: URL, range: string | undefined): Description {
  const contentRange = headers.get('content-range') ?? ''
  const validators = {
    etag: strong(headers.get('etag')),
    modified: headers.get('last-modified') ?? undefined,
  }
  // An empty file satisfies no range at all.
  if (status === 416 && contentRange === 'bytes */0')
    return { from: 0, total: 0, ranged: true, ...validators }
  if (status !== 200 && status !== 206) throw refused(status, headers, url)
  // Of an answer as a whole, which is text, `fetch` takes the encoding off.
  if (range !== undefined) refuseEncoded(headers, url)
  refusePage(headers, url)
  if (status === 200) {
    const length = isEncoded(headers) ? null : headers.get('content-length')
    const total = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined
    return { from: 0, total, ranged: false, ...validators }
  }
  const found = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(contentRange)
  if (found !== null && range !== undefined) {
    const [, from, total] = found
    return {
      from: Number(from),
      total: total === '*' ? undefined : Number(total),
      ranged: true,
      ...validators,
    }
  }
  throw new UnsupportedError(
    `[formats/source] expected a Content-Range with the total size from ${urlText(url)}, got '${contentRange.slice(0, 80)}'; ` +
      'let the server expose that header to scripts (Access-Control-Expose-Headers: Content-Range)',
  )
}

function refused(status: number, headers: Headers, url: URL): Error {
  if (!PASSING.includes(status)) return new HttpStatusError(url, status)
  const asked = askedPause(headers.get('retry-after'))
  const note = asked === undefined ? '' : `; it asks to wait ${Math.ceil(asked / 1000)} s`
  return new Interrupted(new HttpStatusError(url, status, note), true, asked)
}

/** Milliseconds of a Retry-After: seconds, or a date. */
function askedPause(header: string | null): number | undefined {
  if (header === null) return undefined
  if (/^\d{1,9}$/.test(header)) return 1000 * Number(header)
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

/** Weak ones stand for files that mean the same, byte for byte or not. */
function strong(etag: string | null): string | undefined {
  return etag === null || etag.startsWith('W/') ? undefined : etag
}

function isEncoded(headers: Headers): boolean {
  return (headers.get('content-encoding') ?? 'identity') !== 'identity'
}

function refuseEncoded(headers: Headers, url: URL): void {
  if (!isEncoded(headers)) return
  const encoding = headers.get('content-encoding')!
  throw new UnsupportedError(
    `[formats/source] expected ${urlText(url)} as it is, got it encoded as ${encoding.slice(0, 40)}, though identity was asked for; ` +
      'let the server not compress models',
  )
}

function refusePage(headers: Headers, url: URL): void {
  if (!/^text\/html\b/i.test(headers.get('content-type') ?? '') || /\.html?$/.test(url.pathname)) return
  throw new FormatError(
    `[formats/source] expected a file at ${urlText(url)}, got an HTML page, as sites give about a file or where to log in; ` +
      'use the address of the file itself, such as hf:owner/name/file for one on the Hub',
  )
}
