import { type CausalLM, type JobOptions, pace, Rng, ShapeError } from '@tersor/core-tensor'
import { draw } from '@tersor/decode'
import { BatchedCache } from '@tersor/models'

export interface SampleOptions extends JobOptions {
  /** At least this many tokens in all, beginning tokens not counted. */
  tokens: number
  seed: number
  /** The token that begins each window. */
  bos: number
  /** Tokens of a window, the beginning one included; the model's context length, at most 256, by default. */
  windowLength?: number
}

/** Windows that are drawn at the same time. */
const BATCH = 32

/**
 * Draws text from a model itself, window by window from the beginning token at temperature 1: data
 * to calibrate with or to evaluate on where the model's own kind of text is not at hand. Different
 * seeds give disjoint draws.
 *
 * @returns full windows, each starting with `bos`
 * @example
 * import { configFromHuggingFace, Decoder, weightShapes } from '@tersor/models'
 *
 * const config = configFromHuggingFace({
 *   model_type: 'llama', max_position_embeddings: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const model = new Decoder(config, weights)
 * const windows = await sampleWindows(model, { tokens: 10, seed: 1, bos: 1, windowLength: 8 })
 * windows.map(window => window.length) // => [8, 8]
 */
export async function sampleWindows(model: CausalLM, options: SampleOptions): Promise<Int32Array[]> {
  const {
    tokens,
    seed,
    bos,
    windowLength = Math.min(model.config.contextLength, 256),
    signal,
    onProgress,
  } = options
  if (!Number.isInteger(windowLength) || windowLength < 2 || windowLength > model.config.contextLength) {
    throw new ShapeError(
      `[compress/sample-windows] expected windows of 2 to ${model.config.contextLength} tokens, got ${windowLength}`,
    )
  }
  const count = Math.ceil(tokens / (windowLength - 1))
  const windows: Int32Array[] = []
  const turn = pace({ signal }, 0)
  while (windows.length < count) {
    const indices = Array.from(
      { length: Math.min(BATCH, count - windows.length) },
      (_, i) => windows.length + i,
    )
    // Each window has a generator of its own, so that a longer sample begins with the shorter one.
    const rngs = indices.map(index => new Rng(seed * 2 ** 20 + index))
    windows.push(
      ...(await drawBatch(model, rngs, bos, windowLength, {
        signal,
        async onToken(at) {
          onProgress?.(windows.length * windowLength + at * rngs.length, count * windowLength)
          await turn(false)
        },
      })),
    )
  }
  return windows
}

/** Draws one window for each generator, all of them token by token together. */
async function drawBatch(
  model: CausalLM,
  rngs: readonly Rng[],
  bos: number,
  windowLength: number,
  { signal, onToken }: { signal: AbortSignal | undefined; onToken: (at: number) => Promise<void> },
): Promise<Int32Array[]> {
  const windows = rngs.map(() => new Int32Array(windowLength).fill(bos))
  const cache = new BatchedCache(rngs.map(() => model.createCache({ length: windowLength })))
  try {
    for (let at = 1; at < windowLength; at++) {
      const last = Int32Array.from(windows, window => window[at - 1]!)
      const positions = new Int32Array(rngs.length).fill(at - 1)
      const { logits } = await model.forward(last, {
        cache,
        positions,
        logits: 'all',
        signal,
      })
      const scores = (await logits!.read()) as Float32Array
      const vocabulary = scores.length / rngs.length
      rngs.forEach((rng, i) => {
        windows[i]![at] = draw(scores.subarray(i * vocabulary, (i + 1) * vocabulary), 1, rng)
      })
      logits!.dispose()
      await onToken(at)
    }
    return windows
  } finally {
    cache.dispose()
  }
}
