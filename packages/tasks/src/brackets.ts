import type { Rng } from '@tersor/core-tensor'
import { adjectives, objects } from './lexicon.ts'
import { between, pick, pickFrequent } from './pick.ts'
import type { Sample, SampleOptions } from './sample.ts'
import { drawInSplit } from './split.ts'

export interface BracketOptions extends SampleOptions {
  /** How many brackets are open at the end, 1 to 6; drawn by default. */
  depth?: number | undefined
}

const maxDepth = 6

/** A pair of brackets, and how one item stands in it. */
interface Bracket {
  readonly open: string
  readonly close: string
  readonly item: (rng: Rng, value: string) => string
}

const array: Bracket = { open: '[', close: ']', item: (_, value) => value }
const object: Bracket = {
  open: '{',
  close: '}',
  item: (rng, value) => `"${pickFrequent(rng, objects)}":${value}`,
}
const block: Bracket = {
  open: '{',
  close: '}',
  item: (rng, value) => `${pickFrequent(rng, adjectives)}:${value}`,
}
const call: Bracket = { open: '(', close: ')', item: (_, value) => value }

/**
 * Something like JSON or like code that breaks off inside its brackets, and the brackets that close it.
 * What is already closed on the way distracts.
 *
 * @example
 * brackets(new Rng(5), { depth: 2 }).text.split('\n') // => ['Open: {soft:{pretty:59', 'Close:}}', '']
 */
export function brackets(rng: Rng, { split = 'train', depth }: BracketOptions = {}): Sample {
  const { text, closing } = drawInSplit(split, 'brackets', () => {
    const style = rng.integer(2) === 0 ? json : code
    const opened = openBrackets(rng, style, depth ?? between(rng, 2, maxDepth))
    return { ...opened, key: opened.text }
  })
  const question = `Open: ${text}\nClose:`
  return {
    text: `${question}${closing}\n`,
    answers: [{ start: question.length, end: question.length + closing.length, kind: 'brackets' }],
    family: 'brackets',
    key: text,
  }
}

/** What a style is made of. */
interface Style {
  readonly brackets: readonly Bracket[]
  readonly leaf: (rng: Rng) => string
  /** What may stand before an opening bracket. */
  readonly prefix: (rng: Rng, bracket: Bracket) => string
}

const json: Style = {
  brackets: [array, object],
  leaf: rng => (rng.integer(2) === 0 ? `${rng.integer(100)}` : `"${pickFrequent(rng, objects)}"`),
  prefix: () => '',
}

const code: Style = {
  brackets: [array, block, call, call],
  leaf: rng => (rng.integer(2) === 0 ? `${rng.integer(100)}` : pickFrequent(rng, objects)),
  prefix: (rng, bracket) => (bracket === call ? pickFrequent(rng, adjectives) : ''),
}

function openBrackets(rng: Rng, style: Style, depth: number): { text: string; closing: string } {
  let text = ''
  let closing = ''
  for (let level = 1; level <= depth; level++) {
    const bracket = pick(rng, style.brackets)
    text += style.prefix(rng, bracket) + bracket.open
    closing = bracket.close + closing
    const before = rng.integer(level === depth ? 2 : 3)
    for (let i = 0; i < before; i++) text += `${bracket.item(rng, value(rng, style, maxDepth - level))},`
    text += bracket.item(rng, level === depth ? style.leaf(rng) : '')
  }
  return { text, closing }
}

/** A value whose brackets are closed, nested at most so deep. */
function value(rng: Rng, style: Style, depth: number): string {
  if (depth < 1 || rng.integer(3) > 0) return style.leaf(rng)
  const bracket = pick(rng, style.brackets)
  const items = Array.from({ length: between(rng, 1, 2) }, () =>
    bracket.item(rng, value(rng, style, Math.min(depth - 1, 1))),
  )
  return style.prefix(rng, bracket) + bracket.open + items.join(',') + bracket.close
}
