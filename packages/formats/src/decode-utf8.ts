import { FormatError } from '@tersor/core-tensor'

/** Text from bytes that a file calls UTF-8; a byte order mark stays a character. */
export function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new FormatError(`[${where}] expected UTF-8 text, got bytes that are not`)
  }
}
