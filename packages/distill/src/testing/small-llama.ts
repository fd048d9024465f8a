import type { Rope, Tensor } from '@tersor/core-tensor'
import { configFromHuggingFace, type DecoderConfig, weightShapes } from '@tersor/models'
import { normals } from './central-differences.ts'

/** The base of rotary positions here. */
export const ROPE_BASE = 100

/** The config.json of a very small Llama with grouped-query attention. */
export const smallJson = {
  model_type: 'llama',
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  vocab_size: 11,
  max_position_embeddings: 32,
  rope_theta: ROPE_BASE,
  hidden_size: 8,
  intermediate_size: 10,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
}

export const smallConfig: DecoderConfig = configFromHuggingFace(smallJson)

/** Likewise, with four experts in each block, of which a token uses two. */
export const mixtureJson = {
  ...smallJson,
  ...{ model_type: 'mixtral', intermediate_size: 6, num_local_experts: 4, num_experts_per_tok: 2 },
}

export const smallMixture: DecoderConfig = configFromHuggingFace(mixtureJson)

/** With a head of its own, and neighbouring elements that turn together. */
export const untiedInterleaved: DecoderConfig = interleaved(
  configFromHuggingFace({ ...smallJson, tie_word_embeddings: false }),
)

function interleaved(config: DecoderConfig): DecoderConfig {
  const turned = <T extends { kind: string }>(op: T): T =>
    'rope' in op ? { ...op, rope: { ...(op.rope as Rope), layout: 'interleaved' } } : op
  const layers = config.layers.map(({ branches }) => ({
    branches: branches.map(branch => ({ ...branch, op: turned(branch.op) })),
  }))
  return { ...config, layers, mixers: config.mixers.map(turned) }
}

/** Random weights for a configuration. */
export function randomWeights(
  config: DecoderConfig,
  type: 'float32' | 'float64' = 'float32',
  { spread = 0.4, seed = 1 } = {},
): Map<string, Tensor> {
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of weightShapes(config)) {
    const shape = dims.length === 1 ? { mean: 1, spread: 0.1 } : { spread }
    weights.set(name, normals(dims, { seed: seed++, type, ...shape }))
  }
  return weights
}
