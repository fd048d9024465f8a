import type { Tensor } from '@tersor/core-tensor'
import { type LlamaConfig, weightShapes } from '@tersor/models'
import { normals } from './central-differences.ts'

/** A very small configuration with grouped-query attention. */
export const smallConfig: LlamaConfig = {
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  vocabSize: 11,
  contextLength: 32,
  ropeBase: 100,
  hiddenSize: 8,
  intermediateSize: 10,
  epsilon: 1e-5,
  ropeLayout: 'half',
  tied: true,
}

/** The same with four experts in each block, of which a token uses two. */
export const smallMixture: LlamaConfig = {
  ...smallConfig,
  intermediateSize: 6,
  experts: 4,
  expertsPerToken: 2,
}

/** Random weights for a configuration. */
export function randomWeights(
  config: LlamaConfig,
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
