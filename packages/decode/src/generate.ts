import {
  type CausalLM,
  type JobOptions,
  pace,
  Rng,
  ShapeError,
  type Tensor,
  toFloat32,
} from '@tersor/core-tensor'
import type { Sampler } from './sampler.ts'
import { greedy } from './samplers/greedy.ts'
import { temperature } from './samplers/temperature.ts'

export interface GenerateOptions extends JobOptions {
  /** How many tokens to add; up to the context length by default. */
  maxTokens?: number | undefined
  /** How each token is chosen; `greedy()` by default. */
  sampler?: Sampler | undefined
  /** Short for the sampler `temperature(t)`, and at 0 for `greedy()`. */
  temperature?: number | undefined
  /** Seed of the random draws, 0 by default. */
  seed?: number | undefined
  /** Ends the text before this token, or any of these: a tokenizer's `ends`. */
  stop?: number | readonly number[] | undefined
}

/**
 * Continues a text token by token.
 *
 * @param prompt  at least one token
 * @returns the tokens after the prompt, as they are chosen
 * @throws {ShapeError} when the prompt is empty or longer than the model's context, or for both a sampler and a temperature
 * @throws {NumericalError} when the model's logits are not numbers
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
 * // All weights are 0, so every token is equally likely, and the first of them is taken.
 * const tokens: number[] = []
 * for await (const token of generate(model, Int32Array.of(1), { maxTokens: 3 })) tokens.push(token)
 * tokens // => [0, 0, 0]
 */
export async function* generate(
  model: CausalLM,
  prompt: Int32Array,
  options: GenerateOptions = {},
): AsyncGenerator<number> {
  const { seed = 0, stop = [], signal } = options
  const ends = new Set(typeof stop === 'number' ? [stop] : stop)
  const { contextLength } = model.config
  if (prompt.length === 0 || prompt.length > contextLength) {
    throw new ShapeError(
      `[decode/generate] expected a prompt of 1 to ${contextLength} tokens, got ${prompt.length}`,
    )
  }
  const sampler = samplerOf(options)
  const room = contextLength - prompt.length
  const limit = Math.min(options.maxTokens ?? room, room)
  const rng = new Rng(seed)
  const step = pace(options, limit)
  const cache = model.createCache({ length: prompt.length + limit })
  try {
    let tokens = prompt
    for (let i = 0; i < limit; i++) {
      const { logits } = await model.forward(tokens, { cache, signal })
      const token = await choose(logits!, sampler, rng)
      if (ends.has(token)) return
      yield token
      await step()
      tokens = Int32Array.of(token)
    }
  } finally {
    cache.dispose()
  }
}

async function choose(logits: Tensor, sampler: Sampler, rng: Rng): Promise<number> {
  try {
    return sampler.choose(toFloat32({ type: 'float32', dims: logits.dims, data: await logits.read() }), rng)
  } finally {
    logits.dispose()
  }
}

function samplerOf({ sampler, temperature: t }: GenerateOptions): Sampler {
  if (sampler !== undefined && t !== undefined) {
    throw new ShapeError(
      `[decode/generate] expected a sampler or a temperature, got ${sampler.name} and ${t}; leave one out`,
    )
  }
  return sampler ?? (t === undefined || t === 0 ? greedy() : temperature(t))
}
