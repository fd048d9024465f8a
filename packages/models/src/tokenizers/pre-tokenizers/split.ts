import type { PreTokenizer } from './pre-tokenizer.ts'

/** What becomes of the matches of a pattern. */
export type SplitBehavior =
  | 'removed'
  | 'isolated'
  | 'mergedWithPrevious'
  | 'mergedWithNext'
  /** Neighbouring matches stay one piece, and so does what lies between them. */
  | 'contiguous'

/**
 * Cuts a text at the matches of a pattern.
 *
 * @param pattern  with the flag `g`
 * @param invert  what does not match counts as the match
 */
export function split(pattern: RegExp, behavior: SplitBehavior, invert = false): PreTokenizer {
  const arrange = arrangements[behavior]
  return text => arrange(spansOf(text, pattern, invert)).map(({ from, to }) => text.slice(from, to))
}

interface Span {
  readonly from: number
  readonly to: number
  readonly match: boolean
}

/** All of a text, in matches and what lies between them; none of them empty. */
function spansOf(text: string, pattern: RegExp, invert: boolean): Span[] {
  const spans: Span[] = []
  let end = 0
  for (const found of text.matchAll(pattern)) {
    const from = found.index
    const to = from + found[0].length
    if (from > end) spans.push({ from: end, to: from, match: invert })
    if (to > from) spans.push({ from, to, match: !invert })
    end = to
  }
  if (text.length > end) spans.push({ from: end, to: text.length, match: invert })
  return spans
}

const arrangements: Readonly<Record<SplitBehavior, (spans: Span[]) => Span[]>> = {
  isolated: spans => spans,
  removed: spans => spans.filter(({ match }) => !match),
  contiguous: spans => joined(spans, (before, span) => before.match === span.match),
  mergedWithPrevious: spans => joined(spans, (before, span) => span.match && !before.match),
  mergedWithNext: spans => joined(spans, (before, span) => before.match && !span.match),
}

/** Joins each span to the one before it where a rule about the two says so. */
function joined(spans: readonly Span[], together: (before: Span, span: Span) => boolean): Span[] {
  const out: Span[] = []
  for (const [i, span] of spans.entries()) {
    const last = out.at(-1)
    if (last !== undefined && together(spans[i - 1]!, span))
      out[out.length - 1] = { from: last.from, to: span.to, match: span.match }
    else out.push(span)
  }
  return out
}
