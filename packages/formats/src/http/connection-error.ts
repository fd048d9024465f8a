import { FormatError } from '@tersor/core-tensor'
import { urlText } from './url-text.ts'

/** A server that cannot be reached, or that breaks off or falls silent, as often as it was asked. */
export class ConnectionError extends FormatError {
  constructor(url: URL, why: string) {
    super(
      `[formats/source] expected an answer from ${urlText(url)}, got '${why}'; check the URL and the connection`,
    )
  }
}
