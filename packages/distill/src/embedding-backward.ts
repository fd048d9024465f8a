import type { Tensor } from '@tersor/core-tensor'
import { scatterAdd } from '@tersor/core-tensor/reference'

/**
 * Gradient of x = E[tokens]: each row of dx is added to the row of its token.
 *
 * @param tokens  (tokens) int32
 * @param dx  (tokens, d)
 * @param options.weightGradient  (vocabulary, d) is added to
 * @returns `weightGradient`
 * @throws {ShapeError} when a token is outside the vocabulary
 * @example
 * const weightGradient = new Tensor('float32', [0, 0, 0], [3, 1])
 * const tokens = new Tensor('int32', [2, 0, 2], [3])
 * const dx = new Tensor('float32', [1, 2, 4], [3, 1])
 * embeddingBackward(tokens, dx, { weightGradient }).data // => Float32Array [2, 0, 5]
 */
export function embeddingBackward(
  tokens: Tensor,
  dx: Tensor,
  { weightGradient }: { weightGradient: Tensor },
): Tensor {
  return scatterAdd(dx, tokens, { out: weightGradient, axis: 0 })
}
