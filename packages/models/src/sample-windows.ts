import { type CausalLM, type JobOptions, ShapeError } from '@tersor/core-tensor'
import { generate } from './generate.ts'

export interface SampleOptions extends JobOptions {
  /** At least this many tokens in all, beginning tokens not counted. */
  tokens: number
  seed: number
  /** The token that begins each window. */
  bos: number
  /** Tokens of a window, the beginning one included; the model's context length, at most 512, by default. */
  windowLength?: number
}

/**
 * Draws text from a model itself, window by window from the beginning token at temperature 1: data
 * to calibrate with or to evaluate on where the model's own kind of text is not at hand. Different
 * seeds give disjoint draws.
 *
 * @returns full windows, each starting with `bos`
 */
export async function sampleWindows(model: CausalLM, options: SampleOptions): Promise<Int32Array[]> {
  const { tokens, seed, bos, windowLength = Math.min(model.config.contextLength, 512), signal, onProgress } = options
  if (!Number.isInteger(windowLength) || windowLength < 2 || windowLength > model.config.contextLength) {
    throw new ShapeError(`[models/sample-windows] expected windows of 2 to ${model.config.contextLength} tokens, got ${windowLength}`)
  }
  const count = Math.ceil(tokens / (windowLength - 1))
  const windows: Int32Array[] = []
  for (let i = 0; i < count; i++) {
    const window = Int32Array.from({ length: windowLength }, () => bos)
    let at = 1
    const draws = generate(model, Int32Array.of(bos), {
      temperature: 1,
      // Each window has a generator of its own, so that a longer sample begins with the shorter one.
      seed: seed * 2 ** 20 + i,
      maxTokens: windowLength - 1,
      ...(signal === undefined ? {} : { signal }),
    })
    for await (const token of draws) window[at++] = token
    windows.push(window)
    onProgress?.(i + 1, count)
  }
  return windows
}
