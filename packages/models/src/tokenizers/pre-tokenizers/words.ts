import { type PreTokenizer, preTokenizerSequence } from './pre-tokenizer.ts'
import { type SplitBehavior, split } from './split.ts'

/** Characters of words; what is neither these nor white space stands for itself. */
export const whitespaceAndWords: PreTokenizer = split(
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
  'removed',
  true,
)

/** What lies between white space. */
export const betweenSpaces: PreTokenizer = split(/\p{White_Space}/gu, 'removed')

/** Cuts at punctuation of any script, and at the marks of ASCII. */
export function punctuation(behavior: SplitBehavior): PreTokenizer {
  return split(/[\p{P}!-/:-@[-`{-~]/gu, behavior)
}

/** The words and marks of BERT. */
export const bertWords: PreTokenizer = preTokenizerSequence([betweenSpaces, punctuation('isolated')])
