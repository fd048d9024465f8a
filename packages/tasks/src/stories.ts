import type { Rng } from '@tersor/core-tensor'
import { roles } from './lexicon.ts'
import { between, pick, pickFrequent, pickWeighted } from './pick.ts'
import type { Answer, LongSampleOptions, Sample } from './sample.ts'
import { drawInSplit } from './split.ts'
import { fillerClause } from './story-fillers.ts'
import { expand, sentence, withArticle } from './story-grammar.ts'
import { closers, openers, storyTemplates } from './story-templates.ts'
import type { Tense } from './story-verbs.ts'
import {
  drawWorld,
  type EventWeights,
  eventWeights,
  nextEvent,
  type Person,
  type StoryEvent,
  type World,
} from './story-world.ts'
import { estimatedMeasure } from './text-measure.ts'

/** Where a person is, who has a thing, where a thing lies, and where one is that somebody carries about. */
export type StoryQuestionKind = 'where-person' | 'who-has' | 'where-left' | 'where-held'

export interface StoryOptions extends LongSampleOptions {
  /** Whether questions interrupt the story; they do by default. Without them the family is `text`. */
  questions?: boolean | undefined
  /** How many people there are, and how many things, at least and at most; 2 to 6 by default, fewer in short stories. */
  castSize?: readonly [number, number] | undefined
  /** How many events there are before questions, at least and at most; 2 to 4 by default. */
  eventsBeforeQuestions?: readonly [number, number] | undefined
  /** How many questions then follow each other; by default one, and one time in three two. */
  questionsAtOnce?: readonly [number, number] | undefined
  /** What is asked for; all of it by default. */
  kinds?: readonly StoryQuestionKind[] | undefined
  /** How frequent events of some kinds are among those that are possible: `move`, the most frequent, has 4. */
  events?: Partial<EventWeights> | undefined
}

/** What is kept free for a question at the end. */
const questionTokens = 22

/** More than events and a question can take together. */
const longestTelling = 120

/**
 * A short story about people who move about and pass things on, with questions every few events.
 *
 * Questions ask where a person is (`where-person`), who has a thing (`who-has`), where a thing lies
 * (`where-left`), and where a thing is that somebody carries about (`where-held`), which takes two hops:
 * who has it, and where they are. The story alone decides each, and there is one right answer.
 *
 * What makes a story this one is its cast: people, things and places. A cast is in one split only, with questions
 * and without.
 *
 * @throws {ShapeError} when nobody can have a cast of this size
 * @example
 * stories(new Rng(2), { tokens: 90 }).text.split('\n').slice(-3) // => ['Q: In which place is Clara?', 'A: plaza', '']
 */
export function stories(
  rng: Rng,
  {
    split = 'train',
    measure = estimatedMeasure,
    tokens = 250,
    questions = true,
    castSize,
    eventsBeforeQuestions = [2, 4],
    questionsAtOnce,
    kinds,
    events: weights,
  }: StoryOptions = {},
): Sample {
  const family = questions ? 'stories' : 'text'
  const { world, key } = drawInSplit(split, 'stories', () => {
    const world = drawWorld(rng, tokens, castSize)
    const cast = [world.people.map(({ name }) => name), world.things.map(({ phrase }) => phrase)]
    return {
      world,
      key: [...cast, world.places.map(({ noun }) => noun)].map(list => list.join(', ')).join('; '),
    }
  })
  const tense = pickWeighted<Tense>(rng, { past: 0.6, present: 0.27, perfect: 0.13 })
  const teller = new Teller(rng, tense)
  const asked = new Set<string>()
  const answers: Answer[] = []
  let text = ''
  let length = 0
  const add = (part: string): boolean => {
    const joined = (text === '' || text.endsWith('\n') ? '' : ' ') + part
    const size = measure.countTokens(joined)
    if (length + size + (questions ? questionTokens : 1) > tokens) return false
    text += joined
    length += size
    return true
  }
  const ask = (question = drawQuestion(rng, world, asked, kinds)) => {
    if (question === undefined) return
    const head = `${text.endsWith('\n') ? '' : '\n'}Q: ${question.text}\nA:`
    const start = text.length + head.length
    const line = `${head} ${question.answer}\n`
    const size = measure.countTokens(line)
    if (length + size > tokens) return
    text += line
    length += size
    answers.push({ start, end: text.length - 1, kind: question.kind })
    asked.add(question.about)
    teller.pause()
  }
  const fillers = questions ? 6 : 2
  const frequencies = { ...eventWeights, ...weights }
  let untilQuestion = between(rng, ...eventsBeforeQuestions)
  let last: Question | undefined
  while (true) {
    // What does not fit any more has happened all the same: a question at the end is about the time before.
    last = questions && tokens - length < longestTelling ? drawQuestion(rng, world, asked, kinds) : undefined
    if (rng.integer(fillers) === 0) {
      if (!add(teller.filler(world))) break
      continue
    }
    const events = [nextEvent(rng, world, frequencies)]
    if (canJoin(events[0]!) && rng.integer(6) === 0) events.push(nextEvent(rng, world, frequencies))
    if (!add(teller.tell(events))) break
    for (const event of events) forget(asked, event, world)
    untilQuestion -= events.length
    if (questions && untilQuestion <= 0) {
      if (questionsAtOnce !== undefined)
        for (let left = between(rng, ...questionsAtOnce); left > 0; left--) ask()
      else {
        ask()
        if (rng.integer(3) === 0) ask()
      }
      untilQuestion = between(rng, ...eventsBeforeQuestions)
    }
  }
  if (last !== undefined) ask(last)
  return { text: text.endsWith('\n') ? text : `${text}\n`, answers, family, key }
}

/** Finds words for events, and knows whom a pronoun would mean. */
class Teller {
  readonly #rng: Rng
  readonly #tense: Tense
  /** Whom `he` or `she` means at the beginning of the next clause. */
  #focus: Person | undefined

  constructor(rng: Rng, tense: Tense) {
    this.#rng = rng
    this.#tense = tense
  }

  /** After something else in the text no pronoun is clear. */
  pause(): void {
    this.#focus = undefined
  }

  filler({ people }: World): string {
    const known = people.filter(({ place }) => place !== undefined)
    this.pause()
    return sentence(
      fillerClause(this.#rng, pick(this.#rng, known.length > 0 ? known : people).name, this.#tense),
    )
  }

  /** One sentence for one or two events. */
  tell(events: readonly StoryEvent[]): string {
    const clauses = events.map((event, i) => this.#clause(event, i === 0))
    const isSpoken = clauses.some(clause => clause.includes('"'))
    if (clauses.length === 1 || isSpoken || !events.every(canJoin)) return clauses.map(sentence).join(' ')
    return sentence(clauses.join(pick(this.#rng, [', and then ', ', and ', '; ', ', then ', ', and soon '])))
  }

  #clause(event: StoryEvent, isFirst: boolean): string {
    const rng = this.#rng
    const { doer, other, thing, place, from } = event
    const template: string = pick(rng, templatesOf(rng, event))
    const pronoun = doer?.isWoman ? 'she' : 'he'
    const usesPronoun = doer !== undefined && doer === this.#focus && rng.integer(2) === 0
    const opensPlainly = /^\{[an]\}/.test(template)
    const opener = opensPlainly && isFirst && rng.integer(4) === 0 ? pick(rng, openers) : ''
    const closer = /^\{a\}[^,]*$/.test(template) && rng.integer(8) === 0 ? pick(rng, closers) : ''
    const clause = expand(opener + template + closer, this.#tense, {
      a: usesPronoun ? pronoun : (doer?.name ?? ''),
      n: doer?.name ?? '',
      b: other?.name ?? '',
      x: `the ${thing?.phrase}`,
      X: withArticle(thing?.phrase ?? ''),
      to: `to the ${place.noun}`,
      in: `${place.preposition} the ${place.noun}`,
      place: `the ${place.noun}`,
      here: `the ${from?.noun}`,
      his: doer?.isWoman ? 'her' : 'his',
      aRole: withArticle(pickFrequent(rng, roles)),
    })
    this.#focus = doer !== undefined && doer.isWoman !== other?.isWoman ? doer : undefined
    return clause
  }
}

/** Beginnings stand alone. */
function canJoin({ kind }: StoryEvent): boolean {
  return kind !== 'introduce' && kind !== 'thing'
}

function templatesOf(rng: Rng, { kind, thing }: StoryEvent): readonly string[] {
  if (kind === 'introduce' && thing !== undefined) return storyTemplates.introduceWith
  // Mostly the text says where a thing was left.
  if (kind === 'drop' && rng.integer(4) === 0) return storyTemplates.dropHere
  return storyTemplates[kind]
}

/** What an event touched may be asked for again. */
function forget(asked: Set<string>, { doer, other, thing }: StoryEvent, { things }: World): void {
  for (const person of [doer, other]) {
    if (person === undefined) continue
    asked.delete(person.name)
    for (const { holder, phrase } of things) if (holder === person) asked.delete(`where ${phrase}`)
  }
  if (thing === undefined) return
  asked.delete(`where ${thing.phrase}`)
  asked.delete(`who ${thing.phrase}`)
}

interface Question {
  readonly kind: StoryQuestionKind
  /** What may not be asked again before it changes. */
  readonly about: string
  readonly text: string
  readonly answer: string
}

/** Something that was not asked since it changed last. */
function drawQuestion(
  rng: Rng,
  { people, things }: World,
  asked: Set<string>,
  kinds?: readonly StoryQuestionKind[],
): Question | undefined {
  const whereabouts = people.flatMap(({ name, place }): Question[] => {
    if (place === undefined) return []
    return [{ kind: 'where-person', about: name, text: where(rng, name), answer: place.noun }]
  })
  const owners = things.flatMap(({ phrase, holder }): Question[] => {
    if (holder === undefined) return []
    return [{ kind: 'who-has', about: `who ${phrase}`, text: who(rng, phrase), answer: holder.name }]
  })
  const positions = things.flatMap(({ phrase, holder, place }): Question[] => {
    const at = holder?.place ?? place
    if (at === undefined) return []
    const kind = holder === undefined ? 'where-left' : 'where-held'
    return [{ kind, about: `where ${phrase}`, text: where(rng, `the ${phrase}`), answer: at.noun }]
  })
  const open = [whereabouts, owners, positions]
    .map(list => list.filter(({ about, kind }) => !asked.has(about) && (kinds?.includes(kind) ?? true)))
    .filter(list => list.length > 0)
  if (open.length === 0) return undefined
  return pick(rng, pick(rng, open))
}

function where(rng: Rng, whom: string): string {
  return pick(rng, [
    `Where is ${whom}?`,
    `Where is ${whom} now?`,
    `In which place is ${whom}?`,
    `Where can you find ${whom}?`,
  ])
}

function who(rng: Rng, phrase: string): string {
  return pick(rng, [
    `Who has the ${phrase}?`,
    `Who has the ${phrase} now?`,
    `Who is holding the ${phrase}?`,
    `Who carries the ${phrase}?`,
  ])
}
