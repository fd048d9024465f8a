import type { Rng } from '@tersor/core-tensor'
import { names, objects, places } from './lexicon.ts'
import { between, pick, pickFrequent } from './pick.ts'
import { type RecallFact, recallText } from './recall-text.ts'
import type { LongSampleOptions, Sample } from './sample.ts'
import { drawInSplit } from './split.ts'
import { fillerSentence } from './story-fillers.ts'
import { estimatedMeasure } from './text-measure.ts'

/** What somebody or something can have. */
const relations = ['code', 'secret', 'password', 'label', 'sign', 'word', 'song', 'mark', 'wish', 'title']

/** A fact of `r`, the relation, and `s`, its subject; the answer comes at `|`. */
const statements: readonly string[] = [
  'The r of s is|.',
  'The r of s is|.',
  'Remember that the r of s is|.',
  'It is known that s has the r|.',
  'For s the r is|.',
  'Note: the r of s is|.',
  'Somebody wrote down the r of s:|.',
  'The old r of s was lost, and the new r is|.',
]

const questions: readonly string[] = [
  'Q: What is the r of s?\nA:|\n',
  'Q: Which r does s have?\nA:|\n',
  'Q: Tell me the r of s.\nA:|\n',
  'Q: Do you recall the r of s?\nA:|\n',
]

/**
 * A long passage in which facts lie hidden, with questions for them: `The code of Alma is kite moon red.`
 * Answers are three to five words of a single token each, drawn uniformly, so that nothing but the passage
 * tells them. Distances are uniform within the text.
 *
 * @example
 * const { text, answers } = needle(new Rng(3), { tokens: 120 })
 * answers.every(({ start, end, source }) => text.startsWith(text.slice(start, end), source)) // => true
 */
export function needle(
  rng: Rng,
  { split = 'train', measure = estimatedMeasure, tokens = 250 }: LongSampleOptions = {},
): Sample {
  const { asked, unasked, key } = drawInSplit(split, 'needle', () => {
    const count = between(rng, 8, 16)
    const facts = subjects(rng, count + rng.integer(4)).map(subject => ({
      subject,
      relation: pick(rng, relations),
      words: Array.from({ length: between(rng, 3, 5) }, () => pick(rng, measure.singleTokens)),
    }))
    return {
      asked: facts.slice(0, count),
      unasked: facts.slice(count),
      key: facts.map(({ subject, relation, words }) => [subject, relation, ...words].join(' ')).join('; '),
    }
  })
  const phrase = (fact: (typeof asked)[number]): RecallFact => {
    const fill = (template: string): [string, string] => {
      const text = template.replace(/\b[rs]\b/g, slot => (slot === 'r' ? fact.relation : fact.subject))
      const [before, after] = text.split('|')
      return [before!, after!]
    }
    const answer = fact.words.map(word => ` ${word}`).join('')
    return { answer, statement: fill(pick(rng, statements)), question: fill(pick(rng, questions)) }
  }
  const passage = recallText(rng, {
    kind: 'needle',
    asked: asked.map(phrase),
    unasked: unasked.map(phrase),
    filler: () => fillerSentence(rng),
    tokens,
    measure,
  })
  return { ...passage, family: 'needle', key }
}

/** Names, places and things, all different. */
function subjects(rng: Rng, count: number): string[] {
  const chosen = new Set<string>()
  while (chosen.size < count) {
    const pool = pick(rng, [names, names, places, objects])
    chosen.add((pool === names ? '' : 'the ') + pickFrequent(rng, pool))
  }
  return [...chosen]
}
