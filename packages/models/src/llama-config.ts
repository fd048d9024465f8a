import { FormatError, type LMConfig, type RopeLayout, UnsupportedError } from '@tersor/core-tensor'

/** The shape of a Llama model. */
export interface LlamaConfig extends LMConfig {
  /** Width of the hidden state. */
  readonly hiddenSize: number
  /** Width inside the feed-forward network, or inside each expert. */
  readonly intermediateSize: number
  /** Added to the mean square in RMSNorm. */
  readonly epsilon: number
  /** Hugging Face weights pair elements half a head apart, llama2.c and GGUF neighbours. */
  readonly ropeLayout: RopeLayout
  /** The output head is the embedding. */
  readonly tied: boolean
  /** Feed-forward networks in each block, where it is a mixture of experts. */
  readonly experts?: number | undefined
  /** How many experts a token chooses; given where `experts` is. */
  readonly expertsPerToken?: number | undefined
}

/** A dimension larger than any model has; a bound for configurations from strangers. */
const MAX_DIMENSION = 1 << 24
/** More experts than any model has in a block, as each has a name of its own; likewise a bound. */
const MAX_EXPERTS = 1 << 12

/**
 * Throws unless the dimensions of a configuration are whole, positive and fit each other.
 *
 * @throws {FormatError} naming the field
 */
export function checkLlamaConfig(config: LlamaConfig): LlamaConfig {
  const whole = [
    'layers',
    'heads',
    'kvHeads',
    'headDim',
    'vocabSize',
    'contextLength',
    'hiddenSize',
    'intermediateSize',
  ] as const
  for (const field of whole) {
    const value = config[field]
    if (!Number.isInteger(value) || value < 1 || value > MAX_DIMENSION) {
      throw new FormatError(
        `[models/config] expected ${field} to be a whole number from 1 to ${MAX_DIMENSION}, got ${value}`,
      )
    }
  }
  const { experts, expertsPerToken } = config
  if (experts !== undefined || expertsPerToken !== undefined) {
    const fits = isCount(experts, MAX_EXPERTS) && isCount(expertsPerToken, experts)
    if (!fits) {
      throw new FormatError(
        `[models/config] expected experts from 1 to ${MAX_EXPERTS} and expertsPerToken from 1 to experts, got ${experts} and ${expertsPerToken}`,
      )
    }
  }
  if (config.heads % config.kvHeads !== 0) {
    throw new FormatError(
      `[models/config] expected kvHeads to divide heads, got ${config.kvHeads} and ${config.heads}`,
    )
  }
  if (config.headDim % 2 !== 0)
    throw new FormatError(`[models/config] expected an even headDim, got ${config.headDim}`)
  if (!(config.epsilon >= 0) || !(config.ropeBase > 0)) {
    throw new FormatError(
      `[models/config] expected epsilon ≥ 0 and ropeBase > 0, got ${config.epsilon} and ${config.ropeBase}`,
    )
  }
  return config
}

function isCount(value: number | undefined, most: number): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= most
}

/**
 * The configuration in a Hugging Face `config.json` of a Llama-shaped model, or of a Mixtral, which is a
 * Llama with experts.
 *
 * @param json  the parsed file
 * @throws {UnsupportedError} for another architecture, for rotary scaling, or for sliding windows
 * @throws {FormatError} when a field is missing or out of range
 * @example
 * const config = configFromHuggingFace({
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * config.headDim // => 4
 * config.contextLength // => 2048
 */
export function configFromHuggingFace(json: unknown): LlamaConfig {
  if (typeof json !== 'object' || json === null)
    throw new FormatError('[models/config] expected config.json to hold an object')
  const fields = json as Record<string, unknown>
  const { model_type: type = 'llama' } = fields
  if (type !== 'llama' && type !== 'mixtral') {
    throw new UnsupportedError(
      `[models/config] expected model_type 'llama' or 'mixtral', got '${String(type)}'`,
    )
  }
  if (fields.rope_scaling !== undefined && fields.rope_scaling !== null) {
    throw new UnsupportedError(
      '[models/config] expected no rope_scaling; models with extended rotary embeddings are not read yet',
    )
  }
  if (fields.hidden_act !== undefined && fields.hidden_act !== 'silu') {
    throw new UnsupportedError(
      `[models/config] expected hidden_act 'silu', got '${String(fields.hidden_act)}'`,
    )
  }
  for (const bias of ['attention_bias', 'mlp_bias']) {
    if (fields[bias] === true)
      throw new UnsupportedError(
        `[models/config] expected ${bias} false; models with biases are not read yet`,
      )
  }
  const number = (name: string, fallback?: number): number => {
    const value = fields[name] ?? fallback
    if (typeof value !== 'number')
      throw new FormatError(`[models/config] expected a number '${name}', got ${JSON.stringify(value)}`)
    return value
  }
  const heads = number('num_attention_heads')
  const layout = fields.rope_layout === 'interleaved' ? 'interleaved' : 'half'
  const contextLength = number('max_position_embeddings', 2048)
  if (typeof fields.sliding_window === 'number' && fields.sliding_window < contextLength) {
    throw new UnsupportedError(
      `[models/config] expected no sliding_window below the context of ${contextLength}, got ${fields.sliding_window}; models with sliding windows are not read yet`,
    )
  }
  const mixture =
    type === 'mixtral'
      ? { experts: number('num_local_experts', 8), expertsPerToken: number('num_experts_per_tok', 2) }
      : {}
  return checkLlamaConfig({
    layers: number('num_hidden_layers'),
    heads,
    kvHeads: number('num_key_value_heads', heads),
    headDim: number('head_dim', number('hidden_size') / heads),
    vocabSize: number('vocab_size'),
    contextLength,
    ropeBase: number('rope_theta', type === 'mixtral' ? 1_000_000 : 10_000),
    hiddenSize: number('hidden_size'),
    intermediateSize: number('intermediate_size'),
    epsilon: number('rms_norm_eps', 1e-5),
    ropeLayout: layout,
    tied: fields.tie_word_embeddings === true,
    ...mixture,
  })
}

/** A configuration as Hugging Face writes it, with `rope_layout` added; the inverse of {@link configFromHuggingFace}. */
export function configToHuggingFace(config: LlamaConfig): Record<string, string | number | boolean> {
  const { experts, expertsPerToken } = config
  const mixture =
    experts === undefined || expertsPerToken === undefined
      ? { model_type: 'llama' }
      : { model_type: 'mixtral', num_local_experts: experts, num_experts_per_tok: expertsPerToken }
  return {
    ...mixture,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    rope_theta: config.ropeBase,
    rope_layout: config.ropeLayout,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    rms_norm_eps: config.epsilon,
    hidden_act: 'silu',
    tie_word_embeddings: config.tied,
  }
}
