import type { Rng } from '@tersor/core-tensor'
import {
  type Answer,
  between,
  drawInSplit,
  estimatedMeasure,
  type LongSampleOptions,
  names,
  objects,
  pick,
  pickFrequentDistinct,
  places,
  type Sample,
} from '@tersor/tasks'

/** How it is told who has what: `n` is the holder, `x` the thing, `p` a place. */
const holderFirst: readonly string[] = [
  'n x.',
  'n has the x.',
  'n takes the x.',
  'n picked up the x.',
  'In the p n sat with the x.',
]
const thingFirst = 'The x: n.'

/** What a holder may do right after. */
const echoes: readonly string[] = ['smiles', 'nods', 'waits', 'laughs']

const questions: readonly string[] = [
  'Who has the x?',
  'Who has the x now?',
  'Who is holding the x?',
  'Who carries the x?',
]

/**
 * Who has what, and nothing else: 2 to 12 people with a thing each, and then who has which.
 *
 * A holder who is named before the thing is hard to learn: the word to answer with has to be kept at a later
 * one, and to look for it there is of no use before it is. Two forms build the bridge. Where the holder comes
 * after the thing (a third of the statements) it is enough to look behind the thing; where the holder is named
 * once more right away (half of them, an answer too) the end of the statement has to know the name.
 */
export function holders(
  rng: Rng,
  { split = 'train', measure = estimatedMeasure, tokens = 250 }: LongSampleOptions = {},
): Sample {
  const { pairs, key } = drawInSplit(split, 'holders', () => {
    const count = between(rng, 2, 12)
    const things = pickFrequentDistinct(rng, objects, count)
    const pairs = pickFrequentDistinct(rng, names, count).map((name, i) => [name, things[i]!] as const)
    return { pairs, key: pairs.map(pair => pair.join(' ')).join('; ') }
  })
  const fill = (template: string, [name, thing]: Pair) =>
    template.replace(/\b[nxp]\b/g, slot => (slot === 'n' ? name : slot === 'x' ? thing : pick(rng, places)))
  const answers: Answer[] = []
  let text = ''
  let length = 0
  /** Adds what fits; the name after `head`, if there is one, is an answer. */
  const add = (
    limit: number,
    head: string,
    answer?: { name: string; kind: string; tail: string },
  ): boolean => {
    const part = answer === undefined ? head : `${head} ${answer.name}${answer.tail}`
    const size = measure.countTokens(part)
    if (length + size > limit) return false
    if (answer !== undefined) {
      const start = text.length + head.length
      answers.push({ start, end: start + 1 + answer.name.length, kind: answer.kind })
    }
    text += part
    length += size
    return true
  }
  const told = pairs.filter(pair => {
    const form = rng.integer(3) === 0 ? thingFirst : pick(rng, holderFirst)
    const statement = `${text === '' ? '' : ' '}${fill(form, pair)}`
    if (rng.integer(2) === 0) return add(tokens / 2, statement)
    return add(tokens / 2, statement, { name: pair[0], kind: 'echo', tail: ` ${pick(rng, echoes)}.` })
  })
  for (const i of rng.permutation(told.length)) {
    const [name] = told[i]!
    const head = `\nQ: ${fill(pick(rng, questions), told[i]!)}\nA:`
    if (!add(tokens - 1, head, { name, kind: 'who-has', tail: '' })) break
  }
  return { text: `${text}\n`, answers, family: 'holders', key }
}

type Pair = readonly [name: string, thing: string]
