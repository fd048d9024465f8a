import type { Tokenizer } from '@tersor/core-tensor'

export interface StreamTextOptions {
  /** The tokens before these, whose text is not given again: it decides whether the first piece begins with a space. */
  after?: Int32Array | readonly number[] | undefined
}

/** Tokens of context that decide how the next one is spelt. */
const CONTEXT = 8
/** Bytes of a character that is not whole yet. */
const UNFINISHED = /\ufffd{1,3}$/
/** Tokens after which what is no character is given as it is. */
const PATIENCE = 16

/**
 * The text of tokens, piece by piece as they come: what the pieces make together is what the tokenizer decodes. A character of
 * several tokens comes as a whole. Each token costs the decoding of a few before it, however long the text is.
 *
 * @example
 * const bytes = { decode: (tokens: Int32Array | readonly number[]) => new TextDecoder().decode(Uint8Array.from(tokens)) }
 * const pieces: string[] = []
 * for await (const piece of streamText([0x48, 0x69, 0xe2, 0x82, 0xac], bytes)) pieces.push(piece)
 * pieces // => ['H', 'i', '€']
 */
export async function* streamText(
  tokens: AsyncIterable<number> | Iterable<number>,
  tokenizer: Pick<Tokenizer, 'decode'>,
  { after = [] }: StreamTextOptions = {},
): AsyncGenerator<string> {
  let recent = contextOf(after, tokenizer)
  let said = tokenizer.decode(recent)
  // Where `recent` may be cut: no character reaches over it.
  let cut = recent.length
  let waiting = 0
  for await (const token of tokens) {
    recent.push(token)
    const whole = tokenizer.decode(recent)
    waiting++
    if (UNFINISHED.test(whole) && waiting < PATIENCE) {
      const ready = whole.replace(UNFINISHED, '')
      if (ready.length > said.length && ready.startsWith(said)) {
        yield ready.slice(said.length)
        said = ready
      }
      continue
    }
    waiting = 0
    const fresh = whole.slice(sharedLength(said, whole))
    if (fresh !== '') yield fresh
    said = whole
    if (recent.length - cut < CONTEXT) continue
    recent = recent.slice(cut)
    said = tokenizer.decode(recent)
    cut = recent.length
  }
  const rest = tokenizer.decode(recent).slice(said.length)
  if (rest !== '') yield rest
}

/** The last tokens of a text, from the beginning of a character on. */
function contextOf(tokens: Int32Array | readonly number[], { decode }: Pick<Tokenizer, 'decode'>): number[] {
  let recent = Array.from(tokens.slice(-CONTEXT))
  while (recent.length > 1 && decode(recent).startsWith('\ufffd')) recent = recent.slice(1)
  return recent
}

/** How much two texts share from the beginning. A tokenizer that cleans up spaces may take one back: what is out stays. */
function sharedLength(a: string, b: string): number {
  if (b.startsWith(a)) return a.length
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}
