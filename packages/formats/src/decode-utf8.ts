import { FormatError } from '@tersor/core-tensor'

/**
 * Text from bytes that a file calls UTF-8; a byte order mark stays a character.
 *
 * @param malformed  called where they are not, and then U+FFFD stands for what is none; an error without
 */
export function decodeUtf8(bytes: Uint8Array, where: string, malformed?: () => void): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    if (malformed !== undefined) {
      malformed()
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    }
    throw new FormatError(`[${where}] expected UTF-8 text, got bytes that are not`)
  }
}
