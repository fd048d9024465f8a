import { isEncoded, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import type { Llama } from '@tersor/models'

/**
 * The weights of a model as tensors.
 *
 * @throws {UnsupportedError} when one is compressed
 */
export function denseWeights(model: Llama): Map<string, Tensor> {
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
