import { lowercase, type Normalizer } from './normalizer.ts'

export interface BertNormalizerOptions {
  /** Control characters go, all white space becomes spaces. */
  readonly cleanText?: boolean | undefined
  /** Chinese characters are words of their own. */
  readonly chineseCharacters?: boolean | undefined
  /** As `lowercase` says by default. */
  readonly stripAccents?: boolean | undefined
  readonly lowercase?: boolean | undefined
}

/** What BERT does to a text before it looks for words (Devlin et al., 2018, arXiv:1810.04805). */
export function bertNormalizer(options: BertNormalizerOptions = {}): Normalizer {
  const { cleanText = true, chineseCharacters = true, lowercase: lower = true } = options
  const accents = options.stripAccents ?? lower
  return given => {
    let text = given
    if (cleanText) text = text.replace(control, keepSpace).replace(/\p{White_Space}/gu, ' ')
    if (chineseCharacters) text = text.replace(chinese, ' $& ')
    if (accents) text = text.normalize('NFD').replace(/\p{Mn}/gu, '')
    return lower ? lowercase(text) : text
  }
}

const control = /[\uFFFD\p{Cc}\p{Cf}\p{Co}]/gu

const keepSpace = (character: string) => ('\t\n\r'.includes(character) ? character : '')

const chinese =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu
