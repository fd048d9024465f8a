import { type DecoderConfig, weightShapes } from '@tersor/models'
import { llamaShape } from './llama-shape.ts'
import type { TrainingWindow } from './training-window.ts'

/**
 * Floating-point operations of one pass forward and backward over windows: 6 a weight of a matrix and
 * token (the head included, the lookup of embeddings not; of experts those that a token chose), and 14 · heads · headDim for each pair of a query
 * and a key that it sees: two products forward, five backward. Norms and activations are left out.
 *
 * @example
 * import { configFromHuggingFace } from '@tersor/models'
 * const config = configFromHuggingFace({
 *   model_type: 'llama', max_position_embeddings: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * trainingFlops(config, [{ tokens: new Int32Array(4) }]) // => 14_944
 */
export function trainingFlops(config: DecoderConfig, windows: readonly TrainingWindow[]): number {
  const { layers, heads, headDim, vocabSize, tied, ...shape } = llamaShape(config)
  const { experts = 1, expertsPerToken = 1, hiddenSize, innerSize } = shape
  let weights = tied ? 0 : -vocabSize * hiddenSize
  for (const dims of weightShapes(config).values()) {
    if (dims.length === 2) weights += dims[0]! * dims[1]!
  }
  weights -= layers * (experts - expertsPerToken) * 3 * hiddenSize * innerSize
  let pairs = 0
  let tokens = 0
  for (const {
    tokens: { length },
    borders = [0, length],
  } of windows) {
    tokens += length
    for (let s = 0; s + 1 < borders.length; s++) {
      const size = borders[s + 1]! - borders[s]!
      pairs += (size * (size + 1)) / 2
    }
  }
  return 6 * weights * tokens + 14 * layers * heads * headDim * pairs
}
