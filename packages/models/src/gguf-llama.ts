import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { GgufFile } from '@tersor/formats'
import { checkLlamaConfig, type LlamaConfig } from './llama-config.ts'
import { blockWeightNames, EMBEDDING, FINAL_NORM, HEAD } from './weight-names.ts'

/**
 * Throws for one of several files that a model was split into.
 *
 * @throws {UnsupportedError} saying which part it is, and how to merge them
 */
export function requireWhole({ metadata }: Pick<GgufFile, 'metadata'>): void {
  const parts = metadata.get('split.count')
  if (typeof parts !== 'number' || parts < 2) return
  const part = Number(metadata.get('split.no') ?? 0) + 1
  throw new UnsupportedError(
    `[models/gguf] expected a model in one file, got part ${part} of ${parts}; merge them with llama.cpp's \`llama-gguf-split --merge\``,
  )
}

/**
 * The configuration in the metadata of a GGUF file of the `llama` architecture.
 *
 * @throws {UnsupportedError} for another architecture
 * @throws {FormatError} when a key is missing
 */
export function configFromGguf({ metadata, tensors }: GgufFile): LlamaConfig {
  const architecture = metadata.get('general.architecture')
  if (architecture !== 'llama')
    throw new UnsupportedError(
      `[models/gguf] expected the architecture 'llama', got '${String(architecture)}'`,
    )
  if (metadata.get('llama.expert_count') !== undefined && metadata.get('llama.expert_count') !== 0)
    throw new UnsupportedError(
      '[models/gguf] expected a model without experts; mixtures are read from safetensors only',
    )
  const number = (key: string, fallback?: number): number => {
    const value = metadata.get(`llama.${key}`) ?? fallback
    if (typeof value !== 'number')
      throw new FormatError(`[models/gguf] expected a number 'llama.${key}', got ${String(value)}`)
    return value
  }
  const heads = number('attention.head_count')
  const hiddenSize = number('embedding_length')
  const embedding = tensors.get('token_embd.weight')
  return checkLlamaConfig({
    layers: number('block_count'),
    heads,
    kvHeads: number('attention.head_count_kv', heads),
    headDim: number('attention.key_length', hiddenSize / heads),
    vocabSize: embedding?.dims[0] ?? number('vocab_size'),
    contextLength: number('context_length'),
    ropeBase: number('rope.freq_base', 10000),
    hiddenSize,
    intermediateSize: number('feed_forward_length'),
    epsilon: number('attention.layer_norm_rms_epsilon', 1e-5),
    ropeLayout: 'interleaved',
    tied: !tensors.has('output.weight'),
  })
}

/** GGUF's names of the weights of a model, by Hugging Face's. */
export function ggufNames({ layers, tied }: LlamaConfig): ReadonlyMap<string, string> {
  const names = new Map<string, string>([
    [EMBEDDING, 'token_embd.weight'],
    [FINAL_NORM, 'output_norm.weight'],
  ])
  if (!tied) names.set(HEAD, 'output.weight')
  for (let layer = 0; layer < layers; layer++) {
    const weights = blockWeightNames(layer)
    const inBlock = (name: string) => `blk.${layer}.${name}.weight`
    names.set(weights.attentionNorm, inBlock('attn_norm'))
    names.set(weights.query, inBlock('attn_q'))
    names.set(weights.key, inBlock('attn_k'))
    names.set(weights.value, inBlock('attn_v'))
    names.set(weights.output, inBlock('attn_output'))
    names.set(weights.feedForwardNorm, inBlock('ffn_norm'))
    names.set(weights.gate, inBlock('ffn_gate'))
    names.set(weights.up, inBlock('ffn_up'))
    names.set(weights.down, inBlock('ffn_down'))
  }
  return names
}
