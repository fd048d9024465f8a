import { FormatError } from '@tersor/core-tensor'
import { urlText } from './url-text.ts'

/** What a server answers instead of a file: that there is none, that there is no right to it, or that it is out of order. */
export class HttpStatusError extends FormatError {
  constructor(
    url: URL,
    readonly status: number,
    /** What the server asks for, where it says so. */
    note = '',
  ) {
    super(
      `[formats/source] expected status 200 or 206 from ${urlText(url)}, got ${status}; ${adviceFor(status)}${note}`,
    )
  }
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403)
    return 'the server wants a token, or one with the right to this file: pass `headers` with it, and accept the terms of the model where it has some; the Hub says so of names that do not exist, too'
  if (status === 404 || status === 410) return 'check the name, and the rights to it'
  if (status === 429) return 'the server is asked too often: wait, or pass a token'
  if (status >= 500) return 'the server is out of order: try again later'
  return 'check the URL and the rights to it'
}
