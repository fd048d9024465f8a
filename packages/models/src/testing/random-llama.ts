import { Rng, Tensor } from '@tersor/core-tensor'
import { Llama } from '../llama.ts'
import type { LlamaConfig } from '../llama-config.ts'
import { weightShapes } from '../weight-names.ts'

/** A very small configuration with grouped-query attention. */
export const smallConfig: LlamaConfig = {
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  vocabSize: 24,
  contextLength: 32,
  ropeBase: 10000,
  hiddenSize: 16,
  intermediateSize: 20,
  epsilon: 1e-5,
  ropeLayout: 'half',
  tied: true,
}

/** The same with five experts in each block, of which a token uses two. */
export const smallMixture: LlamaConfig = { ...smallConfig, experts: 5, expertsPerToken: 2 }

/** A Llama of random weights, for tests without files. */
export function randomLlama(config: LlamaConfig = smallConfig, seed = 1): Llama {
  const rng = new Rng(seed)
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of weightShapes(config)) {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () =>
      dims.length === 1 ? 1 + 0.1 * rng.normal() : 0.3 * rng.normal(),
    )
    weights.set(name, new Tensor('float32', values, dims))
  }
  return new Llama(config, weights)
}
