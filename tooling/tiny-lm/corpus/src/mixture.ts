import type { Rng } from '@tersor/core-tensor'
import {
  arithmetic,
  between,
  brackets,
  copy,
  estimatedMeasure,
  type LongSampleOptions,
  needle,
  pickWeighted,
  reverse,
  rngStream,
  type Sample,
  type Split,
  type StoryOptions,
  sort,
  stories,
} from '@tersor/tasks'
import type { BpeEncoder } from './bpe-encoder.ts'
import { type Document, encodeSample, lossWeights } from './encode-sample.ts'
import { holders } from './holders.ts'
import { instruction } from './instructions.ts'
import { keyValue } from './key-value.ts'
import { packDocuments, type Window } from './pack-documents.ts'
import { type Shares, shares } from './shares.ts'

type AskingFamily = 'quiz' | 'inventory' | 'crowd'

/** Stories that are told for their questions, with how many tokens they have at least and at most. */
const askingStories: Readonly<Record<AskingFamily, StoryOptions & { length: readonly [number, number] }>> = {
  /** A story that is told for a while and then asks for much of what it told, as long as those that models are asked about. */
  quiz: { length: [100, 500], eventsBeforeQuestions: [3, 10], questionsAtOnce: [3, 8] },
  /** People come with what they hold, nearly nothing happens, and much is asked: who has what, with no shorter way to tell. */
  inventory: {
    length: [150, 500],
    events: { introduce: 20, thing: 0, move: 0.5, together: 0, take: 0, find: 6, drop: 0, give: 1 },
    eventsBeforeQuestions: [4, 10],
    questionsAtOnce: [5, 12],
  },
  /** Who has what among too many people to guess. */
  crowd: {
    length: [300, 800],
    castSize: [5, 12],
    kinds: ['who-has'],
    events: { introduce: 20, thing: 0, move: 0.3, together: 0, take: 0, find: 12, drop: 0, give: 1 },
    eventsBeforeQuestions: [8, 20],
    questionsAtOnce: [8, 16],
  },
}

function askingStory(family: AskingFamily) {
  const { length, ...story } = askingStories[family]
  return (rng: Rng, { tokens = 250, ...options }: LongSampleOptions): Sample => ({
    ...stories(rng, { ...options, ...story, tokens: Math.min(tokens, between(rng, ...length)) }),
    family,
  })
}

/** Every generator. */
export const families = {
  'key-value': keyValue,
  needle,
  stories,
  text: (rng, options) => stories(rng, { ...options, questions: false }),
  quiz: askingStory('quiz'),
  inventory: askingStory('inventory'),
  crowd: askingStory('crowd'),
  holders,
  copy,
  reverse,
  sort,
  arithmetic,
  brackets,
  instructions: instruction,
} as const satisfies Readonly<Record<string, (rng: Rng, options: LongSampleOptions) => Sample>>

export type Family = keyof typeof families

/** Families whose texts are as long as one asks for; the others' have a length of their own. */
const longFamilies = [
  'key-value',
  'needle',
  'stories',
  'text',
  'quiz',
  'inventory',
  'crowd',
  'holders',
] as const

/** Of these the text matters little: answers are what there is to learn. */
const asking: readonly Family[] = ['quiz', 'inventory', 'crowd', 'holders']

/** About how many tokens a short document has: with these, shares of documents become shares of tokens. */
const typicalTokens = {
  copy: 71,
  reverse: 58,
  sort: 71,
  arithmetic: 11,
  brackets: 60,
  instructions: 36,
} as const

/** About how many tokens of a window sums fill that nothing else fits into; so many fewer are drawn on purpose. */
const filledBySums = 9

/** Below this a long text is not worth beginning. */
const shortestLong = 64

/** More tokens than any window has. */
const longestWindow = 2 ** 20

/** The shortest documents are sums: this is what one needs at most. */
const longestSum = 15

export interface CorpusOptions {
  encoder: BpeEncoder
  /** 0 by default. */
  seed?: number | undefined
  /** `train` by default. */
  split?: Split | undefined
  /** {@link shares} by default. */
  shares?: Shares | undefined
}

/**
 * The training text, in windows that are drawn one by one from the seed and their number alone: any window can
 * be had without those before it, in any process, so that training goes on after a stop as if there had been none.
 *
 * A window is of one long family or of short tasks, with the shares of the mixture as probabilities; short tasks
 * fill what is left at its end. Half of the long texts take all the room that there is.
 */
export class Corpus {
  readonly #encoder: BpeEncoder
  readonly #seed: number
  readonly #split: Split
  readonly #shares: Shares

  constructor(options: CorpusOptions) {
    this.#encoder = options.encoder
    this.#seed = options.seed ?? 0
    this.#split = options.split ?? 'train'
    this.#shares = options.shares ?? shares
  }

  /** Window `index` of those of this length; it has nothing to do with one of another length. */
  window(index: number, length: number): Window {
    const rng = rngStream(this.#seed, index * longestWindow + length)
    const main = drawMain(rng, this.#shares)
    const next = (room: number) => (room < longestSum ? undefined : this.#document(rng, main, room, length))
    return packDocuments(next, { length, padding: this.#encoder.eos })
  }

  #document(rng: Rng, main: MainFamily, room: number, length: number): Document {
    if (main !== 'short' && room >= shortestLong) {
      const tokens = rng.integer(2) === 0 || room < 2 * shortestLong ? room : between(rng, shortestLong, room)
      // Two of them are the beginning and the end token.
      return this.#draw(rng, main, tokens - 2)
    }
    for (let tries = 0; tries < 4; tries++) {
      const document = this.#draw(rng, drawShort(rng, this.#shares, length), room)
      if (document.tokens.length <= room) return document
    }
    return this.#draw(rng, 'arithmetic', room)
  }

  #draw(rng: Rng, family: Family, tokens: number): Document {
    const options = { tokens, split: this.#split, measure: this.#encoder }
    const rest = asking.includes(family) ? lossWeights.quiz : lossWeights.rest
    return encodeSample(families[family](rng, options), this.#encoder, rest)
  }
}

type ShortFamily = keyof typeof typicalTokens

type MainFamily = (typeof longFamilies)[number] | 'short'

function drawMain(rng: Rng, shares: Shares): MainFamily {
  const long = Object.fromEntries(longFamilies.map(family => [family, shares[family]]))
  const rest = 1 - longFamilies.reduce((sum, family) => sum + shares[family], 0)
  return pickWeighted<MainFamily>(rng, { ...long, short: rest })
}

function drawShort(rng: Rng, shares: Shares, length = Number.POSITIVE_INFINITY): ShortFamily {
  const filled = filledBySums / length
  const weights = Object.entries(typicalTokens).map(([family, tokens]) => {
    const share = shares[family as Family] - (family === 'arithmetic' ? filled : 0)
    return [family, Math.max(0, share) / tokens]
  })
  return pickWeighted<ShortFamily>(rng, Object.fromEntries(weights))
}

/**
 * Texts of the mixture before there is a tokenizer, to train one on.
 *
 * @param characters  at least how many
 */
export function* tokenizerTexts(characters: number, seed = 0): Generator<string> {
  for (let index = 0, length = 0; length < characters; index++) {
    const rng = rngStream(seed, index)
    const main = drawMain(rng, shares)
    const tokens = between(rng, 200, 1000)
    const family = main === 'short' ? drawShort(rng, shares) : main
    // As many short texts as a long one is long.
    const count = main === 'short' ? Math.ceil(tokens / typicalTokens[family as ShortFamily]) : 1
    for (let i = 0; i < count; i++) {
      const { text } = families[family](rng, { tokens, measure: estimatedMeasure })
      length += text.length
      yield text
    }
  }
}
