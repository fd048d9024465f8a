import { byteOfCharacter } from '../byte-characters.ts'
import { byteOfToken } from '../byte-tokens.ts'
import { textOfBytes, textOfUtf8 } from '../utf8.ts'

/** From the spellings of tokens towards text: what is left when all have run is joined. */
export type Decoder = (tokens: readonly string[]) => readonly string[]

export function decoderSequence(steps: readonly Decoder[]): Decoder {
  return tokens => steps.reduce((parts, step) => step(parts), tokens)
}

export const fuse: Decoder = tokens => [tokens.join('')]

export function replaceInTokens(pattern: RegExp | string, content: string): Decoder {
  return tokens => tokens.map(token => token.replaceAll(pattern, () => content))
}

const encoder = /* @__PURE__ */ new TextEncoder()

/** Characters that stand for bytes become the text of these bytes. */
export const byteLevelText: Decoder = tokens => {
  const bytes: number[] = []
  for (const token of tokens) {
    const own = Array.from(token, byteOfCharacter)
    // An added token may hold what stands for no byte, such as a space.
    const known = own.every(byte => byte !== undefined)
    for (const byte of known ? own : encoder.encode(token)) bytes.push(byte!)
  }
  return [textOfBytes(bytes)]
}

/** Runs of tokens such as `<0xE2>` become the text of their bytes, or one U+FFFD each where they are not UTF-8. */
export const bytesOfTokens: Decoder = tokens => {
  const out: string[] = []
  let bytes: number[] = []
  const flush = () => {
    if (bytes.length > 0) out.push(textOfUtf8(bytes) ?? '\uFFFD'.repeat(bytes.length))
    bytes = []
  }
  for (const token of tokens) {
    const byte = byteOfToken(token)
    if (byte !== undefined) bytes.push(byte)
    else {
      flush()
      out.push(token)
    }
  }
  flush()
  return out
}

/** Takes a character from both ends of each token, up to so many times. */
export function stripFromTokens(content: string, start: number, stop: number): Decoder {
  return tokens =>
    tokens.map(token => {
      let from = 0
      while (from < start && token[from] === content) from++
      let to = token.length
      while (to > from && token.length - to < stop && token[to - 1] === content) to--
      return token.slice(from, to)
    })
}

/** Marks become spaces; the one before the text goes where one was put there. */
export function spacesOfMarks(mark: string, prefixed: boolean): Decoder {
  return tokens =>
    tokens.map((token, i) =>
      (prefixed && i === 0 && token.startsWith(mark) ? token.slice(mark.length) : token).replaceAll(
        mark,
        ' ',
      ),
    )
}

/** Joins pieces of words, and sets spaces between words. */
export function wordPieceText(prefix: string, cleanup: boolean): Decoder {
  return tokens =>
    tokens.map((token, i) => {
      const spaced = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`
      return cleanup ? cleanUpSpaces(spaced) : spaced
    })
}

/** The suffix of a word's last piece becomes a space, but at the end. */
export function wordsOfSuffixes(suffix: string): Decoder {
  return tokens => tokens.map((token, i) => token.replaceAll(suffix, i + 1 === tokens.length ? '' : ' '))
}

/** Takes the spaces before English marks and contractions away, as `clean_up_tokenization_spaces` asks. */
export function cleanUpSpaces(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re")
}
