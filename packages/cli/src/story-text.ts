import type { Tokenizer } from '@tersor/core-tensor'
import type { EvaluationWindow } from '@tersor/eval'
import { measureOf, rngStream, stories } from '@tersor/eval/tasks'

/** Tokens of a story; those of the tasks are no longer. */
const STORY = 500

/** Stories that no model was trained on, as windows of their own: text to score where none is given. */
export function storyWindows(
  tokenizer: Tokenizer,
  { tokens, seed, contextLength }: { tokens: number; seed: number; contextLength: number },
): { windows: EvaluationWindow[]; bytes: number } {
  const measure = measureOf(tokenizer)
  const begin = tokenizer.bos === undefined ? [] : [tokenizer.bos]
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
