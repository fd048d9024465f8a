/** Longer pieces do not come again. */
const MAX_LENGTH = 64

/** A text has fewer different words; a few megabytes. */
const MAX_WORDS = 1 << 16

/** Remembers the tokens of words: texts repeat them. */
export function remembering(encode: (piece: string, out: number[]) => void): typeof encode {
  const known = new Map<string, readonly number[]>()
  return (piece, out) => {
    if (piece.length > MAX_LENGTH) return encode(piece, out)
    let tokens = known.get(piece)
    if (tokens === undefined) {
      const found: number[] = []
      encode(piece, found)
      if (known.size >= MAX_WORDS) known.clear()
      known.set(piece, (tokens = found))
    }
    for (const token of tokens) out.push(token)
  }
}
