import type { Tokenizer } from '@tersor/core-tensor'
import { documentWindows, type EvaluationWindow } from '@tersor/eval'
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
  const windows: EvaluationWindow[] = []
  let bytes = 0
  for (let scored = 0, index = 0; scored < tokens; index++) {
    const room = Math.min(STORY, contextLength - 1)
    const { text } = stories(rngStream(seed, index), { split: 'held-out', tokens: room, measure })
    const found = documentWindows(tokenizer, [text], { contextLength })
    windows.push(...found)
    scored += found.reduce((sum, window) => sum + window.tokens.length - window.from, 0)
    bytes += new TextEncoder().encode(text).length
  }
  return { windows, bytes }
}

/** Texts of every family that the bundled models were trained on, each a window of its own: to calibrate them. */
export function trainingWindows(tokenizer: Tokenizer, { tokens, seed, contextLength }: Wanted): Int32Array[] {
  const measure = measureOf(tokenizer)
  const long = { tokens: Math.min(STORY, contextLength - 1), measure }
  const windows: Int32Array[] = []
  for (let drawn = 0, index = 0; drawn < tokens; index++) {
    const rng = rngStream(seed, index)
    const samples: Sample[] = [
      ...[copy(rng), reverse(rng), sort(rng), arithmetic(rng), brackets(rng)],
      index % 2 === 0 ? stories(rng, long) : needle(rng, long),
    ]
    const texts = samples.map(sample => sample.text)
    for (const window of documentWindows(tokenizer, texts, { contextLength })) {
      windows.push(window.tokens)
      drawn += window.tokens.length
    }
  }
  return windows
}
