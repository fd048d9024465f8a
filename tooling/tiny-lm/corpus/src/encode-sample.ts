import type { Sample } from '@tersor/tasks'
import type { BpeEncoder } from './bpe-encoder.ts'

/** How much the loss of a token counts: of answers, of all else, and of what stories tell that ask for much of it. */
export const lossWeights = { answer: 1, rest: 0.3, quiz: 0.1 } as const

/** A text in tokens, from the beginning token to the end token. */
export interface Document {
  readonly tokens: Int32Array
  /** Of each token as the one to be predicted; 0 for the beginning token. */
  readonly weights: Float32Array
  readonly family: string
}

/** The tokens of a sample, with full weight on answers. */
export function encodeSample(
  { text, answers, family }: Sample,
  encoder: BpeEncoder,
  rest: number = lossWeights.rest,
): Document {
  const tokens: number[] = [encoder.bos]
  const weights: number[] = [0]
  let at = 0
  let next = 0
  for (const { word, tokens: ids } of encoder.words(text)) {
    while (next < answers.length && answers[next]!.end <= at) next++
    const isAnswer = next < answers.length && answers[next]!.start < at + word.length
    for (const id of ids) {
      tokens.push(id)
      weights.push(isAnswer ? lossWeights.answer : rest)
    }
    at += word.length
  }
  tokens.push(encoder.eos)
  weights.push(rest)
  return { tokens: Int32Array.from(tokens), weights: Float32Array.from(weights), family }
}
