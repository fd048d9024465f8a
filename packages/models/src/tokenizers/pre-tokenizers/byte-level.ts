import { toByteCharacters } from '../byte-characters.ts'
import { type PreTokenizer, preTokenizerSequence } from './pre-tokenizer.ts'
import { split } from './split.ts'

/** How GPT-2 cuts a text: English contractions, and words, numbers and marks with the space before them. */
export const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

export interface ByteLevelOptions {
  /** Put a space before a text that begins with none; false by default. */
  readonly prefixSpace?: boolean | undefined
  /** Cut as {@link gpt2Words} says; true by default. */
  readonly words?: boolean | undefined
}

/** Spells a text in the characters that stand for its bytes (Radford et al., 2019). */
export function byteLevel({ prefixSpace = false, words = true }: ByteLevelOptions = {}): PreTokenizer {
  const spaced: PreTokenizer = text => [text.startsWith(' ') ? text : ` ${text}`]
  return preTokenizerSequence([
    ...(prefixSpace ? [spaced] : []),
    ...(words ? [split(gpt2Words, 'isolated')] : []),
    text => [toByteCharacters(text)],
  ])
}
