/**
 * The letter that stands for each byte in a byte-level vocabulary (GPT-2): printable characters of Latin-1 for
 * themselves, the other bytes for the characters from U+0100 on, in order.
 */
export const byteLetters: readonly string[] = letters()

/** The bytes of a text in those letters. */
export function toByteLetters(text: string): string {
  return Array.from(new TextEncoder().encode(text), byte => byteLetters[byte]!).join('')
}

function letters(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
    return String.fromCharCode(isPrintable ? byte : next++)
  })
}
