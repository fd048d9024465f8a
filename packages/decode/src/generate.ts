import { type CausalLM, type JobOptions, Rng, ShapeError, toFloat32 } from '@tersor/core-tensor'

export interface GenerateOptions extends JobOptions {
  /** How many tokens to add; up to the context length by default. */
  maxTokens?: number | undefined
  /** Divides the logits; 0, the default, takes the likeliest token. */
  temperature?: number | undefined
  /** Of the random draws, 0 by default. */
  seed?: number | undefined
  /** Ends the text before this token. */
  stop?: number | undefined
}

/**
 * Continues a text token by token.
 *
 * @param prompt  at least one token
 * @returns the tokens after the prompt, as they are chosen
 * @example
 * import { configFromHuggingFace, Llama, weightShapes } from '@tersor/models'
 *
 * const config = configFromHuggingFace({
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const model = new Llama(config, weights)
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
  const { temperature = 0, seed = 0, stop, signal } = options
  const room = model.config.contextLength - prompt.length
  const limit = Math.min(options.maxTokens ?? room, room)
  if (prompt.length === 0)
    throw new ShapeError('[models/generate] expected a prompt of at least one token, got none')
  const rng = new Rng(seed)
  const cache = model.createCache()
  try {
    let tokens = prompt
    for (let i = 0; i < limit; i++) {
      const { logits } = await model.forward(tokens, { cache, signal })
      const scores = toFloat32({ type: 'float32', dims: logits!.dims, data: await logits!.read() })
      const token = temperature === 0 ? argmax(scores) : draw(scores, temperature, rng)
      logits!.dispose()
      if (token === stop) return
      yield token
      options.onProgress?.(i + 1, limit)
      tokens = Int32Array.of(token)
    }
  } finally {
    cache.dispose()
  }
}

function argmax(scores: Float32Array): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i
  return best
}

/** A token drawn with probability softmax(scores / temperature). */
export function draw(scores: Float32Array, temperature: number, rng: Rng): number {
  const max = scores.reduce((a, b) => Math.max(a, b), -Infinity)
  const weights = Float64Array.from(scores, score => Math.exp((score - max) / temperature))
  let left = rng.uniform() * weights.reduce((a, b) => a + b, 0)
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i]!
    if (left < 0) return i
  }
  return weights.length - 1
}
