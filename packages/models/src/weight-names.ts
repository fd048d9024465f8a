import type { LlamaConfig } from './llama-config.ts'

/** Hugging Face's names of the weights of one block. */
export function blockWeightNames(layer: number) {
  const block = `model.layers.${layer}`
  return {
    attentionNorm: `${block}.input_layernorm.weight`,
    query: `${block}.self_attn.q_proj.weight`,
    key: `${block}.self_attn.k_proj.weight`,
    value: `${block}.self_attn.v_proj.weight`,
    output: `${block}.self_attn.o_proj.weight`,
    feedForwardNorm: `${block}.post_attention_layernorm.weight`,
    gate: `${block}.mlp.gate_proj.weight`,
    up: `${block}.mlp.up_proj.weight`,
    down: `${block}.mlp.down_proj.weight`,
  } as const
}

export const EMBEDDING = 'model.embed_tokens.weight'
export const FINAL_NORM = 'model.norm.weight'
export const HEAD = 'lm_head.weight'

/**
 * Every weight of a model with its shape.
 *
 * @example
 * const config = configFromHuggingFace({
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * weightShapes(config).get('model.embed_tokens.weight') // => [16, 8]
 */
export function weightShapes(config: LlamaConfig): ReadonlyMap<string, readonly number[]> {
  const { hiddenSize: d, intermediateSize: hidden, heads, kvHeads, headDim, vocabSize } = config
  const shapes = new Map<string, readonly number[]>([[EMBEDDING, [vocabSize, d]]])
  for (let layer = 0; layer < config.layers; layer++) {
    const names = blockWeightNames(layer)
    shapes.set(names.attentionNorm, [d])
    shapes.set(names.query, [heads * headDim, d])
    shapes.set(names.key, [kvHeads * headDim, d])
    shapes.set(names.value, [kvHeads * headDim, d])
    shapes.set(names.output, [d, heads * headDim])
    shapes.set(names.feedForwardNorm, [d])
    shapes.set(names.gate, [hidden, d])
    shapes.set(names.up, [hidden, d])
    shapes.set(names.down, [d, hidden])
  }
  shapes.set(FINAL_NORM, [d])
  if (!config.tied) shapes.set(HEAD, [vocabSize, d])
  return shapes
}
