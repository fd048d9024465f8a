import type { CausalLM, JobOptions } from '@tersor/core-tensor'
import { type Evaluation, evaluate } from './evaluate.ts'
import { evaluationWindows, type WindowOptions } from './evaluation-windows.ts'

/**
 * The perplexity of a text under a model: e to the mean negative log-likelihood of its tokens.
 *
 * @param tokens  the text, without a beginning token
 * @param options  windows of the model's context length unless given
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
 * // All weights are 0, so every token is equally likely.
 * const { perplexity: uniform } = await perplexity(model, Int32Array.of(3, 1, 4, 1, 5))
 * uniform // => ≈ 16.000
 */
export async function perplexity(
  model: CausalLM,
  tokens: Int32Array,
  options: Partial<WindowOptions> & JobOptions = {},
): Promise<Evaluation> {
  const { contextLength = model.config.contextLength, ...rest } = options
  return evaluate(model, evaluationWindows(tokens, { contextLength, ...rest }), rest)
}
