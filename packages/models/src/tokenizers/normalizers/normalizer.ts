/** Rewrites a text before it is cut: Unicode forms, letter case, marks in place of spaces. */
export type Normalizer = (text: string) => string

export function normalizerSequence(steps: readonly Normalizer[]): Normalizer {
  return text => steps.reduce((rewritten, step) => step(rewritten), text)
}

export function unicodeForm(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Normalizer {
  return text => text.normalize(form)
}

/** Puts something before a text, unless it is empty. */
export function prepend(prefix: string): Normalizer {
  return text => (text === '' ? text : prefix + text)
}

export function replace(pattern: RegExp | string, content: string): Normalizer {
  return text => text.replaceAll(pattern, () => content)
}

/** Letter by letter: a sigma that ends a word is no case of its own. */
export const lowercase: Normalizer = text => text.replaceAll('Σ', 'σ').toLowerCase()

export const stripAccents: Normalizer = text => text.replace(/\p{M}/gu, '')

export function strip(left: boolean, right: boolean): Normalizer {
  return text => {
    const begun = left ? text.replace(/^\p{White_Space}+/u, '') : text
    return right ? withoutSpaceAtEnd(begun) : begun
  }
}

/** A regular expression would look for the end from every space of the text. */
function withoutSpaceAtEnd(text: string): string {
  let end = text.length
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1]!)) end--
  return text.slice(0, end)
}
