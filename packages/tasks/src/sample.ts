import type { Split } from './split.ts'
import type { TextMeasure } from './text-measure.ts'

/** Characters of a sample's text that are an answer: what a model should know, and not only guess. */
export interface Answer {
  /** The first character; the space before a word belongs to it, as it does to the word's token. */
  readonly start: number
  /** The character after the last. */
  readonly end: number
  /** What is asked for, such as `needle` or `where-person`. */
  readonly kind: string
  /** Where the text states the answer before, when it does so in one place. */
  readonly source?: number | undefined
}

/** A generated text with the answers in it. */
export interface Sample {
  /** Ends with a newline. */
  readonly text: string
  /** In the order of the text. */
  readonly answers: readonly Answer[]
  /** Which generator it is from. */
  readonly family: string
  /** What makes it this instance and no other: samples of one key are in the same split. */
  readonly key: string
}

/** What every generator takes. */
export interface SampleOptions {
  /** Which instances to draw from; `train` by default. */
  split?: Split | undefined
  /** How texts are counted in tokens, and which words are single ones; an estimate by default. */
  measure?: TextMeasure | undefined
}

/** What the generators of long texts take. */
export interface LongSampleOptions extends SampleOptions {
  /** At most how many tokens; 250 by default. */
  tokens?: number | undefined
}
