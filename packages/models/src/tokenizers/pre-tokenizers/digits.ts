import type { PreTokenizer } from './pre-tokenizer.ts'
import { split } from './split.ts'

/** Cuts numbers from the text, each digit alone or not: every numeric character counts, as in `Ⅻ ½ ²`. */
export function digits(individual: boolean): PreTokenizer {
  return split(/\p{N}/gu, individual ? 'isolated' : 'contiguous')
}
