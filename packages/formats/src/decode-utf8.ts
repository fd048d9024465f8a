import { FormatError } from '@tersor/core-tensor'
import { quoted } from './quoted.ts'

/** So much of it is shown, that it can be found again. */
const QUOTED_BYTES = 100

const strict = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Text from bytes that a file calls UTF-8; a byte order mark stays a character.
 *
 * @param malformed  called where they are not, and then U+FFFD stands for what is none; an error without
 */
export function decodeUtf8(bytes: Uint8Array, where: string, malformed?: () => void): string {
  try {
    return strict.decode(bytes)
  } catch {
    const lossy = new TextDecoder('utf-8', { ignoreBOM: true })
    if (malformed !== undefined) {
      malformed()
      return lossy.decode(bytes)
    }
    const start = lossy.decode(bytes.subarray(0, QUOTED_BYTES))
    throw new FormatError(`[${where}] expected UTF-8 text, got bytes that are not: ${quoted(start)}`)
  }
}
