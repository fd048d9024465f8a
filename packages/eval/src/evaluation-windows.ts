import { ShapeError } from '@tersor/core-tensor'

export interface WindowOptions {
  /** Tokens that the model sees at once, the beginning token included. */
  contextLength: number
  /**
   * New tokens in each window but the first; all that fit by default. A smaller stride gives each token more context and costs more.
   * Without a beginning token it may be the whole context: windows then share no token, and the first of each is not scored.
   */
  stride?: number | undefined
  /** The token that begins each window, where the model has one. */
  bos?: number | undefined
}

/** A piece of text to run through a model, and which of its tokens to score. */
export interface EvaluationWindow {
  /** What the model reads. */
  readonly tokens: Int32Array
  /** The first token that is scored: token i is predicted by the logits at i − 1. */
  readonly from: number
}

/**
 * Cuts a text into windows in which every token is scored exactly once: after the beginning token
 * where there is one, else from the second token on. A text shorter than the context is one window.
 * Only windows that share no token leave out their first ones, see `stride`.
 *
 * @throws {ShapeError} when there is nothing to score, or the stride does not fit the context
 * @example
 * const windows = evaluationWindows(Int32Array.of(5, 6, 7), { contextLength: 3, bos: 1 })
 * windows.map(({ tokens }) => [...tokens]) // => [[1, 5, 6], [1, 6, 7]]
 * windows[1]?.from // => 2
 */
export function evaluationWindows(
  tokens: Int32Array,
  { contextLength, stride, bos }: WindowOptions,
): EvaluationWindow[] {
  const begin = bos === undefined ? [] : [bos]
  const room = contextLength - begin.length
  // Without a beginning token the first token of a window only gives context.
  const step = stride ?? Math.max(1, bos === undefined ? room - 1 : room)
  const fits = Number.isInteger(contextLength) && room >= 1 && contextLength >= 2
  if (!fits || !Number.isInteger(step) || step < 1 || step > room) {
    throw new ShapeError(
      `[eval/windows] expected a context of at least 2 tokens and a stride from 1 to ${room}, got ${contextLength} and ${stride}`,
    )
  }
  if (tokens.length < 2 - begin.length)
    throw new ShapeError(`[eval/windows] expected a text with a token to score, got ${tokens.length} tokens`)
  const apart = bos === undefined && step === room
  const windows: EvaluationWindow[] = []
  let scored = bos === undefined ? 1 : 0
  while (scored < tokens.length) {
    const end = Math.min(tokens.length, windows.length === 0 ? room : scored + step)
    const start = apart && windows.length > 0 ? scored : Math.max(0, end - room)
    const from = begin.length + scored - start
    const window = Int32Array.from([...begin, ...tokens.subarray(start, end)])
    // A token that nothing goes before is context only.
    if (window.length > 1) windows.push({ tokens: window, from: Math.max(1, from) })
    scored = end
  }
  return windows
}
