import { readFile } from 'node:fs/promises'
import { FormatError } from '@tersor/core-tensor'

/**
 * The text of a UTF-8 file.
 *
 * @throws {FormatError} when it is in another encoding, naming the first byte that is not UTF-8
 */
export async function readTextFile(path: string): Promise<string> {
  return utf8Text(await readFile(path), path)
}

/** The text of bytes; `where` they come from stands in the error. */
export function utf8Text(bytes: Uint8Array, where: string): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  // Bytes that are not UTF-8 become U+FFFD, so that the text says other bytes than the file from there on.
  const again = Buffer.from(text)
  if (again.equals(bytes)) return text
  const at = again.findIndex((byte, i) => byte !== bytes[i])
  const wide = [0xfffe, 0xfeff].includes((bytes[0]! << 8) | bytes[1]!)
  throw new FormatError(
    `[cli/text] expected UTF-8 text in ${where}, got a byte that is none at ${at}; ` +
      `${wide ? 'it looks like UTF-16: ' : ''}save it as UTF-8`,
  )
}
