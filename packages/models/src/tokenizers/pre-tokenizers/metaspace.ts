import type { PreTokenizer } from './pre-tokenizer.ts'
import { split } from './split.ts'

export interface MetaspaceOptions {
  /** What stands for a space; ▁ by default. */
  readonly mark?: string | undefined
  /** Put the mark before each text, before the first only, or never. */
  readonly prefix: 'always' | 'first' | 'never'
  /** Cut before each mark; true by default. */
  readonly cut?: boolean | undefined
}

/** Writes a mark for every space, as SentencePiece does, and cuts before each. */
export function metaspace({ mark = '▁', prefix, cut = true }: MetaspaceOptions): PreTokenizer {
  const atMarks = split(new RegExp(mark.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu'), 'mergedWithNext')
  return (text, atStart) => {
    const marked = text.replaceAll(' ', mark)
    const wanted = prefix === 'always' || (prefix === 'first' && atStart)
    const whole = wanted && !marked.startsWith(mark) ? mark + marked : marked
    return cut ? atMarks(whole, atStart) : [whole]
  }
}
