import type { Tokenizer } from '@tersor/core-tensor'
import { lexicon } from './lexicon.ts'

/** What a generator has to know about a tokenizer. */
export interface TextMeasure {
  /** Tokens of a text. */
  countTokens(text: string): number
  /** Words that are one token with the space before them: needle answers are drawn from these. */
  readonly singleTokens: readonly string[]
}

/** How many words have to be single tokens before answers are drawn from them alone. */
const enoughWords = 32

/**
 * The measure of a tokenizer. Where it spells nearly every word in pieces, answers are of any words.
 *
 * @example
 * const characters = { encode: (text: string) => Int32Array.from(text, letter => letter.charCodeAt(0)) }
 * measureOf(characters).countTokens('Alma has a kite.') // => 16
 */
export function measureOf(tokenizer: Pick<Tokenizer, 'encode'>): TextMeasure {
  const exact = (text: string) => tokenizer.encode(text).length
  const byPieces = countByPieces(exact)
  // Many tokenizers never merge beyond a word or a mark; for these each word needs to be counted only once.
  const probe = `Q: Which of ${lexicon.join(' ')}?\nA: ${lexicon.join(', ')}.\n"No," said Alma; 10 - 25: {"a":[7]}`
  const countTokens = byPieces(probe) === exact(probe) ? byPieces : exact
  return { countTokens, singleTokens: singleTokensOf(countTokens) }
}

/** Counts words with the space before them, and all else character by character, each of them once. */
function countByPieces(exact: (text: string) => number): (text: string) => number {
  const counts = new Map<string, number>()
  return text => {
    let total = 0
    for (const piece of text.match(/ ?\p{L}+|\P{L}/gu) ?? []) {
      let count = counts.get(piece)
      if (count === undefined) counts.set(piece, (count = exact(piece)))
      total += count
    }
    return total
  }
}

/** Words that are one token where tokens are counted so. */
export function singleTokensOf(countTokens: (text: string) => number): readonly string[] {
  // Counted between others, because some tokenizers add a space at the beginning of a text.
  const rest = countTokens('= =')
  const single = lexicon.filter(word => countTokens(`= ${word} =`) === rest + 1)
  return single.length < enoughWords ? lexicon : single
}

/** About what a tokenizer of a thousand entries would count, for when there is none yet. */
export const estimatedMeasure: TextMeasure = {
  countTokens: text => text.match(/ ?\p{L}{1,4}|\P{L}/gu)?.length ?? 0,
  singleTokens: lexicon,
}
