import type { LlamaConfig } from './llama-config.ts'

/**
 * Hugging Face's names of the weights of one block. A mixture of experts has a `router` and, for each
 * expert, {@link expertWeightNames} in the place of `gate`, `up` and `down`.
 */
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
    router: `${block}${ROUTER}`,
  } as const
}

/**
 * Hugging Face's names of the weights of one expert of a block, as Mixtral has them.
 *
 * @example
 * expertWeightNames(0, 3).down // => 'model.layers.0.block_sparse_moe.experts.3.w2.weight'
 */
export function expertWeightNames(layer: number, expert: number) {
  const network = `model.layers.${layer}.block_sparse_moe.experts.${expert}`
  return {
    gate: `${network}.w1.weight`,
    up: `${network}.w3.weight`,
    down: `${network}.w2.weight`,
  } as const
}

/**
 * Whether a weight chooses experts: small, and worth more bits than the rest, as each of its errors may
 * send tokens to other experts.
 *
 * @example
 * isRouter('model.layers.0.block_sparse_moe.gate.weight') // => true
 */
export function isRouter(name: string): boolean {
  return name.endsWith(ROUTER)
}

const ROUTER = '.block_sparse_moe.gate.weight'

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
  const { experts } = config
  const shapes = new Map<string, readonly number[]>([[EMBEDDING, [vocabSize, d]]])
  for (let layer = 0; layer < config.layers; layer++) {
    const names = blockWeightNames(layer)
    shapes.set(names.attentionNorm, [d])
    shapes.set(names.query, [heads * headDim, d])
    shapes.set(names.key, [kvHeads * headDim, d])
    shapes.set(names.value, [kvHeads * headDim, d])
    shapes.set(names.output, [d, heads * headDim])
    shapes.set(names.feedForwardNorm, [d])
    if (experts !== undefined) shapes.set(names.router, [experts, d])
    for (const network of feedForwardNames(layer, config)) {
      shapes.set(network.gate, [hidden, d])
      shapes.set(network.up, [hidden, d])
      shapes.set(network.down, [d, hidden])
    }
  }
  shapes.set(FINAL_NORM, [d])
  if (!config.tied) shapes.set(HEAD, [vocabSize, d])
  return shapes
}

/** The feed-forward networks of a block: its only one, or every expert's. */
export function feedForwardNames(
  layer: number,
  { experts }: LlamaConfig,
): readonly { gate: string; up: string; down: string }[] {
  if (experts === undefined) return [blockWeightNames(layer)]
  return Array.from({ length: experts }, (_, expert) => expertWeightNames(layer, expert))
}
