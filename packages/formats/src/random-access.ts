import { FormatError } from '@tersor/core-tensor'
import type { FileCache } from './cache/file-cache.ts'
import type { RetryOptions } from './http/retry-options.ts'
import { urlText } from './http/url-text.ts'
import { webUrl } from './http/web-url.ts'
import { blobSource } from './sources/blob-source.ts'
import { bytesSource } from './sources/bytes-source.ts'
import { cachedSource } from './sources/cached-source.ts'
import { fileSource } from './sources/file-source.ts'
import { httpSource } from './sources/http-source.ts'
import { refusePointer } from './sources/refuse-pointer.ts'

/** Bytes that can be read anywhere, in any order: a file, a web resource, a blob, an array. */
export interface RandomAccess {
  readonly byteLength: number
  /** `length` bytes from `start`; of bytes in memory a view, which the caller must not change. */
  read(start: number, length: number, signal?: AbortSignal): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Where a file may come from: a path, a URL (`file:`, `http:`, `https:`), a name on the Hub (`hf:owner/name/file`, see
 * {@link hubUrl}), bytes, or any {@link RandomAccess}.
 */
export type Source = string | URL | Blob | Uint8Array | ArrayBuffer | RandomAccess

export interface SourceOptions {
  /** Default: the global `fetch`. */
  fetch?: typeof fetch | undefined
  /** Aborts the opening, whatever is read for it; later reads take a signal of their own. */
  signal?: AbortSignal | undefined
  /** For the server that is asked, such as `{ authorization: 'Bearer …' }`; none goes to where it redirects to. */
  headers?: HeadersInit | undefined
  /** Where names that begin with `hf:` lie. Default: `https://huggingface.co`. */
  hub?: string | URL | undefined
  /** How patient reading from a server is. */
  retry?: RetryOptions | undefined
  /**
   * Where files from servers are kept as a whole, such as `folderCache('models')`. Default: nowhere, and only what is read
   * is fetched.
   */
  cache?: FileCache | undefined
  /** Told how many bytes of how many of a file are in the cache, while it is downloaded. */
  onProgress?: ((done: number, total: number, name: string) => void) | undefined
}

/**
 * Opens anything that bytes can be read from. Strings and `file:` URLs are paths (Node and its
 * kin), `http:` and `https:` URLs and what is on the Hub are read with range requests, so that a tensor costs its own bytes;
 * an answer that breaks off goes on where it was.
 * Closing closes what was opened here, and never a {@link RandomAccess} that was passed in.
 *
 * @throws {FormatError} when a read reaches past the end, or the server answers with an error status
 * @throws {UnsupportedError} when the server does not serve ranges
 * @example
 * const source = await openSource(Uint8Array.of(1, 2, 3, 4))
 * await source.read(1, 2) // => Uint8Array [2, 3]
 */
export async function openSource(from: Source, options: SourceOptions = {}): Promise<RandomAccess> {
  options.signal?.throwIfAborted()
  return guarded(await rawSource(from, options))
}

/**
 * Opens a source, hands it to a parser, and closes it again if the parser throws. The signal of the options ends
 * every read of the parser, and none that comes after it.
 */
export async function parseSource<T>(
  from: Source,
  options: SourceOptions,
  parse: (source: RandomAccess) => Promise<T>,
): Promise<T> {
  const source = await openSource(from, options)
  let opening = options.signal
  try {
    return await parse({
      byteLength: source.byteLength,
      read: (start, length, signal = opening) => source.read(start, length, signal),
      close: () => source.close(),
    })
  } catch (error) {
    await source.close()
    throw error
  } finally {
    opening = undefined
  }
}

async function rawSource(from: Source, options: SourceOptions): Promise<RandomAccess> {
  if (from instanceof Uint8Array) return bytesSource(from)
  if (from instanceof ArrayBuffer) return bytesSource(new Uint8Array(from))
  if (from instanceof Blob) return blobSource(from)
  if (typeof from === 'string' || from instanceof URL) {
    return fileAt(from, options)
  }
  return { byteLength: from.byteLength, read: (...range) => from.read(...range), close: async () => {} }
}

async function fileAt(from: string | URL, options: SourceOptions): Promise<RandomAccess> {
  const url = webUrl(from, options)
  const source = await (url === undefined ? fileSource(from) : remoteSource(url, options))
  try {
    await refusePointer(source, url === undefined ? String(from) : urlText(url), options.signal)
    return source
  } catch (error) {
    await source.close()
    throw error
  }
}

function remoteSource(url: URL, options: SourceOptions): Promise<RandomAccess> {
  const { cache } = options
  return cache === undefined ? httpSource(url, options) : cachedSource(url, cache, options)
}

/** Every source behind one check of what is asked of it and of what it answers. */
function guarded(source: RandomAccess): RandomAccess {
  const { byteLength } = source
  return {
    byteLength,
    async read(start, length, signal) {
      signal?.throwIfAborted()
      const whole = Number.isSafeInteger(start) && Number.isSafeInteger(length) && start >= 0 && length >= 0
      if (!whole || start > byteLength - length) {
        throw new FormatError(
          `[formats/source] expected a range within ${byteLength} bytes, got ${length} bytes at ${start}; ` +
            'the file is cut short or its lengths are wrong',
        )
      }
      if (length === 0) return new Uint8Array(0)
      const bytes = await source.read(start, length, signal)
      if (bytes.byteLength !== length) {
        throw new FormatError(
          `[formats/source] expected ${length} bytes at ${start}, got ${bytes.byteLength}; the file changed or is cut short`,
        )
      }
      return bytes
    },
    close: () => source.close(),
  }
}
