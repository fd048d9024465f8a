import { isEncoded, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import type { Decoder } from '@tersor/models'
import { requireTrainable } from './llama-shape.ts'

/**
 * The weights of a model as tensors.
 *
 * @throws {UnsupportedError} when one is compressed, or one that training does not know
 */
export function denseWeights(model: Decoder): Map<string, Tensor> {
  requireTrainable(model.config, model.weights)
  const weights = new Map<string, Tensor>()
  for (const [name, weight] of model.weights) {
    if (isEncoded(weight)) {
      throw new UnsupportedError(
        `[distill] expected tensors as weights, got '${name}' as ${weight.encoding.kind}; decode it first`,
      )
    }
    weights.set(name, weight)
  }
  return weights
}
