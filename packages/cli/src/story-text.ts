import type { Tokenizer } from '@tersor/core-tensor'
import type { EvaluationWindow } from '@tersor/eval'
import {
  arithmetic,
  brackets,
  copy,
  measureOf,
  needle,
  reverse,
  rngStream,
  type Sample,
  sort,
  stories,
} from '@tersor/tasks'

/** Tokens of a story; those of the tasks are no longer. */
const STORY = 500

interface Wanted {
  readonly tokens: number
  readonly seed: number
  readonly contextLength: number
}

/** Stories that no model was trained on, as windows of their own: text to score where none is given. */
export function storyWindows(
  tokenizer: Tokenizer,
  { tokens, seed, contextLength }: Wanted,
): { windows: EvaluationWindow[]; bytes: number } {
  const measure = measureOf(tokenizer)
  const begin = beginOf(tokenizer)
  const windows: EvaluationWindow[] = []
  let bytes = 0
  for (let scored = 0, index = 0; scored < tokens; index++) {
    const room = Math.min(STORY, contextLength - 1)
    const { text } = stories(rngStream(seed, index), { split: 'held-out', tokens: room, measure })
    const ids = [...begin, ...tokenizer.encode(text)].slice(0, contextLength)
    const from = Math.max(1, begin.length)
    windows.push({ tokens: Int32Array.from(ids), from })
    scored += ids.length - from
    bytes += new TextEncoder().encode(text).length
  }
  return { windows, bytes }
}

/** Text of every family that the bundled models were trained on, to calibrate them: a window has one after the other. */
export function trainingWindows(tokenizer: Tokenizer, { tokens, seed, contextLength }: Wanted): Int32Array[] {
  const measure = measureOf(tokenizer)
  const room = Math.min(STORY, contextLength - 1)
  const long = { tokens: room >> 1, measure }
  const begin = beginOf(tokenizer)
  const windows: Int32Array[] = []
  for (let drawn = 0, index = 0; drawn < tokens; index++) {
    const rng = rngStream(seed, index)
    const samples: Sample[] = [
      ...[copy(rng), reverse(rng), sort(rng), arithmetic(rng), brackets(rng)],
      index % 2 === 0 ? stories(rng, long) : needle(rng, long),
    ]
    const text = samples.map(sample => sample.text).join('')
    windows.push(Int32Array.from([...begin, ...tokenizer.encode(text)].slice(0, contextLength)))
    drawn += windows.at(-1)!.length
  }
  return windows
}

function beginOf({ bos }: Tokenizer): readonly number[] {
  return bos === undefined ? [] : [bos]
}
