import type { CausalLM, JobOptions } from '@tersor/core-tensor'
import { type Evaluation, evaluate } from './evaluate.ts'
import { evaluationWindows, type WindowOptions } from './evaluation-windows.ts'

/**
 * The perplexity of a text under a model: e to the mean negative log-likelihood of its tokens.
 *
 * @param tokens  the text, without a beginning token
 * @param options  windows of the model's context length unless given
 */
export async function perplexity(
  model: CausalLM,
  tokens: Int32Array,
  options: Partial<WindowOptions> & JobOptions = {},
): Promise<Evaluation> {
  const { contextLength = model.config.contextLength, ...rest } = options
  return evaluate(model, evaluationWindows(tokens, { contextLength, ...rest }), rest)
}
