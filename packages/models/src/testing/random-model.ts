import { type Encoded, Rng, Tensor } from '@tersor/core-tensor'
import { configFromHuggingFace } from '../architectures/read-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { Decoder } from '../decoder/decoder.ts'
import { weightShapes } from '../decoder/roles.ts'
import { storedName } from '../files/stored-name.ts'

/** The config.json of a very small Llama with grouped-query attention. */
export const smallJson = {
  model_type: 'llama',
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 24,
  max_position_embeddings: 32,
  rope_theta: 10000,
  hidden_size: 16,
  intermediate_size: 20,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
}

/** A very small configuration with grouped-query attention. */
export const smallConfig: DecoderConfig = /* @__PURE__ */ configFromHuggingFace(smallJson)

/** The same with five experts in each block, of which a token uses two. */
export const smallMixture: DecoderConfig = /* @__PURE__ */ configFromHuggingFace({
  ...smallJson,
  ...{ model_type: 'mixtral', num_local_experts: 5, num_experts_per_tok: 2 },
})

/** A model of random weights, for tests without files. */
export function randomModel(config: DecoderConfig = smallConfig, seed = 1): Decoder {
  const rng = new Rng(seed)
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of weightShapes(config)) {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () =>
      dims.length === 1 ? 1 + 0.1 * rng.normal() : 0.3 * rng.normal(),
    )
    weights.set(name, new Tensor('float32', values, dims))
  }
  return new Decoder(config, weights)
}

/** The weights of a model under the names that Hugging Face's files give them. */
export function storedWeights({ weights, config }: Decoder): Map<string, Tensor | Encoded> {
  return new Map(Array.from(weights, ([role, weight]) => [storedName(config, role), weight]))
}
