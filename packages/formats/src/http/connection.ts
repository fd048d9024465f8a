import { UnsupportedError } from '@tersor/core-tensor'
import type { SourceOptions } from '../random-access.ts'
import { type Patience, patienceOf } from './retry-options.ts'
import { urlText } from './url-text.ts'

/** A file on a server, and how it is asked for. */
export interface Connection {
  readonly url: URL
  readonly send: typeof fetch
  /** For the origin of `url`, and no other. */
  readonly headers: Headers
  readonly patience: Patience
}

/**
 * @throws {UnsupportedError} for other protocols, for a password in the URL, and for headers that are none
 */
export function connectionTo(url: URL, { fetch: send = fetch, headers, retry }: SourceOptions): Connection {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UnsupportedError(
      `[formats/source] expected a file:, http:, https: or hf: URL, got ${url.protocol}`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new UnsupportedError(
      `[formats/source] expected a URL without a user's name, got one before ${urlText(url)}; pass \`headers\` with an authorization`,
    )
  }
  return { url, send, headers: headersOf(headers), patience: patienceOf(retry) }
}

function headersOf(headers: SourceOptions['headers']): Headers {
  try {
    return new Headers(headers)
  } catch {
    // The error of the platform quotes the value, which may be a token.
    throw new UnsupportedError(
      '[formats/source] expected headers of one line each in Latin letters, got others; is there a line break behind a token?',
    )
  }
}
