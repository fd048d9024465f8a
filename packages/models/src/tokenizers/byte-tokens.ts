const encoder = /* @__PURE__ */ new TextEncoder()

/** The byte that a token such as `<0x0A>` stands for. */
export function byteOfToken(token: string): number | undefined {
  const match = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)
  return match === null ? undefined : Number.parseInt(match[1]!, 16)
}

/** Spells a text in the tokens of its UTF-8 bytes, where the vocabulary has all of them. */
export function byteSpelling(
  idOf: (token: string) => number | undefined,
): (text: string) => readonly number[] | undefined {
  const ids = Array.from({ length: 256 }, (_, byte) => {
    const digits = byte.toString(16).padStart(2, '0')
    return idOf(`<0x${digits.toUpperCase()}>`) ?? idOf(`<0x${digits}>`)
  })
  return text => {
    const tokens: number[] = []
    for (const byte of encoder.encode(text)) {
      const id = ids[byte]
      if (id === undefined) return undefined
      tokens.push(id)
    }
    return tokens
  }
}
