import type { Rng } from '@tersor/core-tensor'
import {
  adjectives,
  between,
  drawInSplit,
  estimatedMeasure,
  type LongSampleOptions,
  lexicon,
  names,
  objects,
  pick,
  pickFrequent,
  places,
  type RecallFact,
  recallText,
  type Sample,
} from '@tersor/tasks'

/** How a record and a question for it are written: `k` is the key, the value comes at `|`. */
const styles: readonly (readonly [record: string, question: string])[] = [
  ['- k:|\n', '? k:|\n'],
  ['set k|\n', 'get k|\n'],
  ['let k =|;\n', 'print k =|;\n'],
  ['put k ->|\n', 'find k ->|\n'],
  ['{"key":" k","value":"|"}\n', '{"get":" k","value":"|"}\n'],
  ['[ k,|]\n', '[? k,|]\n'],
  ['The value of k is|.\n', 'So k is|.\n'],
  ['<row k>|</row>\n', '<find k>|</find>\n'],
]

/**
 * Records of keys and values, with questions for 8 to 16 of them on the way: `- Alma: kite` and later
 * `? Alma: kite`. All words of the lexicon are keys and values here. A key occurs in one record only.
 *
 * Distances are uniform within the text.
 */
export function keyValue(
  rng: Rng,
  { split = 'train', measure = estimatedMeasure, tokens = 250 }: LongSampleOptions = {},
): Sample {
  const [record, question] = pick(rng, styles)
  const { asked, key } = drawInSplit(split, 'key-value', () => {
    const count = between(rng, 8, 16)
    const keys = new Set<string>()
    while (keys.size < count) keys.add(drawKey(rng))
    const asked = Array.from(keys, key => [key, drawValue(rng, measure.singleTokens)] as const)
    return { asked, key: asked.map(pair => pair.join('')).join('; ') }
  })
  const taken = new Set(asked.map(([key]) => key))
  const fill = (style: string, key: string): [string, string] => {
    const [before, after] = style.replace(/(?<= )k\b/, key).split('|')
    return [before!, after!]
  }
  const facts = asked.map(
    ([key, answer]): RecallFact => ({
      answer,
      statement: fill(record, key),
      question: fill(question, key),
    }),
  )
  const filler = () => {
    let other = drawKey(rng)
    while (taken.has(other)) other = drawKey(rng)
    taken.add(other)
    const [before, after] = fill(record, other)
    return before + drawValue(rng, measure.singleTokens) + after
  }
  return {
    ...recallText(rng, { kind: 'key-value', asked: facts, filler, tokens, measure }),
    family: 'key-value',
    key,
  }
}

/** A name, a place, a thing, a thing of some sort, or a word with a number. */
function drawKey(rng: Rng): string {
  switch (rng.integer(6)) {
    case 0:
    case 1:
      return pickFrequent(rng, names)
    case 2:
      return pickFrequent(rng, places)
    case 3:
      return pickFrequent(rng, objects)
    case 4:
      return `${pickFrequent(rng, adjectives)} ${pickFrequent(rng, objects)}`
    default:
      return `${pickFrequent(rng, objects)}${rng.integer(100)}`
  }
}

/** One to three words, or a number of two to five digits. */
function drawValue(rng: Rng, singleTokens: readonly string[]): string {
  switch (rng.integer(4)) {
    case 0:
      return ` ${Array.from({ length: between(rng, 2, 5) }, () => rng.integer(10)).join('')}`
    case 1:
      return Array.from({ length: between(rng, 1, 3) }, () => ` ${pick(rng, singleTokens)}`).join('')
    default:
      return Array.from({ length: between(rng, 1, 2) }, () => ` ${pickFrequent(rng, lexicon)}`).join('')
  }
}
