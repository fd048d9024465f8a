/**
 * The characters that byte-level vocabularies write for bytes (GPT-2, Radford et al., 2019): printable ones of Latin-1 for themselves,
 * and those from U+0100 on, in order, for the rest; a space is Ġ.
 */
const characters: readonly string[] = /* @__PURE__ */ byteCharacters()

const bytes: ReadonlyMap<string, number> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ characters.map((character, byte) => [character, byte]),
)

const encoder = /* @__PURE__ */ new TextEncoder()

/** Text as one character for each of its UTF-8 bytes. */
export function toByteCharacters(text: string): string {
  let out = ''
  for (const byte of encoder.encode(text)) out += characters[byte]!
  return out
}

/** The byte that a character stands for. */
export function byteOfCharacter(character: string): number | undefined {
  return bytes.get(character)
}

function byteCharacters(): string[] {
  let next = 0x100
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
}
