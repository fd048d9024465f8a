import { type Mixer, UnsupportedError } from '@tersor/core-tensor'
import { checkConfig } from '../decoder/check-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'

/**
 * Whether a configuration is an encoder's: one that gives hidden states and no logits.
 *
 * @example
 * isEncoder(configFromHuggingFace({
 *   model_type: 'bert', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8,
 *   vocab_size: 16, max_position_embeddings: 32,
 * })) // => true
 */
export function isEncoder({ head }: Pick<DecoderConfig, 'head'>): boolean {
  return head === undefined
}

/**
 * Throws unless a configuration is an encoder's whose layers all attend to both sides.
 *
 * @throws {UnsupportedError} saying what it is instead
 * @throws {FormatError} when it contradicts itself
 */
export function checkEncoder(config: DecoderConfig): DecoderConfig {
  if (!isEncoder(config)) {
    throw new UnsupportedError(
      `[models/encoder] expected an encoder, got a model that predicts tokens (${config.architecture}); use loadModel, or Decoder`,
    )
  }
  for (const [layer, mixer] of config.mixers.entries()) {
    if (mixer.kind === 'attention' && mixer.bidirectional === true && strange(mixer) === undefined) continue
    throw new UnsupportedError(
      `[models/encoder] expected layers that attend to both sides, got ${strange(mixer) ?? 'another'} in layer ${layer}`,
    )
  }
  return checkConfig(config)
}

/** What no encoder that is read here has. */
function strange(mixer: Mixer): string | undefined {
  if (mixer.kind !== 'attention') return mixer.kind
  return (['rope', 'alibi', 'sinks', 'keysOf'] as const).find(key => mixer[key] !== undefined)
}

/**
 * Throws for an encoder where a model has to predict tokens.
 *
 * @throws {UnsupportedError} saying what to use
 */
export function requireHead(config: DecoderConfig): void {
  if (!isEncoder(config)) return
  throw new UnsupportedError(
    `[models/decoder] expected a model that predicts tokens, got an encoder (${config.architecture}); use loadEncoder, or Encoder`,
  )
}
