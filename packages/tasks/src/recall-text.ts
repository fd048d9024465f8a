import type { Rng } from '@tersor/core-tensor'
import type { Answer } from './sample.ts'
import type { TextMeasure } from './text-measure.ts'

/** Something that a text states once, and may ask for later. */
export interface RecallFact {
  /** With the space before it, where it has one. */
  readonly answer: string
  /** What stands around the answer where it is stated. */
  readonly statement: readonly [before: string, after: string]
  /** What stands around it where it is asked for. */
  readonly question: readonly [before: string, after: string]
}

export interface RecallOptions {
  /** What `Answer.kind` says. */
  kind: string
  /** The facts that are asked for, once each. Those that do not fit are left out from the end. */
  asked: readonly RecallFact[]
  /** Facts that nobody asks for. */
  unasked?: readonly RecallFact[]
  /** Text to lie between the facts. */
  filler: () => string
  /** At most how many tokens. */
  tokens: number
  measure: TextMeasure
}

/** At most which share of a text facts and questions take; the rest is filler, which lets distances vary. */
const densest = 0.8

/** A fact or a question on its way into the text. */
interface Event {
  readonly fact: RecallFact
  readonly parts: readonly [before: string, after: string]
  readonly isQuestion: boolean
  readonly cost: number
  /** The token that it should begin at. */
  position: number
}

/**
 * A text that states facts and asks for them later. The distance from a fact to its question is drawn first,
 * uniform from next to nothing to the whole text, then the place; so near and far are equally frequent.
 */
export function recallText(
  rng: Rng,
  { kind, asked, unasked = [], filler, tokens: limit, measure }: RecallOptions,
): { text: string; answers: Answer[] } {
  // The text may need a newline at its end.
  const tokens = limit - 1
  const cost = (fact: RecallFact, [before, after]: readonly [string, string]) => {
    // A word may have more tokens after a space than after a newline, or fewer.
    const joined = [' ', '\n'].map(joint => measure.countTokens(joint + before + fact.answer + after))
    return Math.max(...joined)
  }
  const events: Event[] = []
  let total = 0
  const add = (fact: RecallFact, isQuestion: boolean, position: number) => {
    const parts = isQuestion ? fact.question : fact.statement
    const event = { fact, parts, isQuestion, cost: cost(fact, parts), position }
    total += event.cost
    events.push(event)
  }
  for (const fact of asked) {
    const [first, second] = [cost(fact, fact.statement), cost(fact, fact.question)]
    if (total + first + second > densest * tokens && events.length > 0) break
    const longest = Math.max(first, tokens - second)
    const distance = first + rng.uniform() * (longest - first)
    const start = rng.uniform() * (longest - distance)
    add(fact, false, start)
    add(fact, true, start + distance)
  }
  for (const fact of unasked) {
    if (total + cost(fact, fact.statement) > densest * tokens) break
    add(fact, false, rng.uniform() * tokens)
  }
  arrange(events, tokens)
  return write(events, { kind, filler, tokens, measure })
}

/** Puts events in order and moves them as little as needed, so that none lies on another or leaves the text. */
function arrange(events: Event[], tokens: number): void {
  events.sort((a, b) => a.position - b.position)
  let end = tokens
  for (const event of events.toReversed()) {
    event.position = Math.min(event.position, end - event.cost)
    end = event.position
  }
  let start = 0
  for (const event of events) {
    event.position = Math.max(event.position, start)
    start = event.position + event.cost
  }
}

function write(
  events: readonly Event[],
  { kind, filler, tokens, measure }: Pick<RecallOptions, 'kind' | 'filler' | 'tokens' | 'measure'>,
): { text: string; answers: Answer[] } {
  const stated = new Map<RecallFact, number>()
  const answers: Answer[] = []
  let text = ''
  let length = 0
  const joined = (part: string, isLine: boolean) =>
    (text === '' || text.endsWith('\n') ? '' : isLine ? '\n' : ' ') + part
  const add = (part: string, size: number) => {
    text += part
    length += size
  }
  let next = filler()
  const fill = (until: number) => {
    while (true) {
      const part = joined(next, false)
      const size = measure.countTokens(part)
      if (length + size > until) break
      add(part, size)
      next = filler()
    }
  }
  for (const { fact, parts, isQuestion, position } of events) {
    fill(position)
    const part = joined(parts[0] + fact.answer + parts[1], isQuestion)
    add(part, measure.countTokens(part))
    const end = text.length - parts[1].length
    const start = end - fact.answer.length
    if (!isQuestion) stated.set(fact, start)
    else answers.push({ start, end, kind, source: stated.get(fact)! })
  }
  fill(tokens)
  return { text: text.endsWith('\n') ? text : `${text}\n`, answers }
}
