/**
 * Where the tokenizer cuts a text before it merges anything: a word with the space before it, and every other
 * character on its own. So digits, brackets and all punctuation are single tokens, wherever they stand.
 */
export const preTokenPattern = String.raw` ?\p{L}+|\P{L}`

const pattern = new RegExp(preTokenPattern, 'gu')

/** The pieces of a text; together they are the text. */
export function preTokens(text: string): string[] {
  return text.match(pattern) ?? []
}
