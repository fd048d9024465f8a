import type { Out, Tensor } from '@tersor/core-tensor'
import { matmul } from '@tersor/core-tensor/reference'

/**
 * Gradients of y = x·Wᵀ: dx = dy·W, and dW += dyᵀ·x.
 *
 * @param x  (tokens, in) what was multiplied
 * @param weight  (out, in)
 * @param dy  (tokens, out) gradient of the loss with respect to y
 * @param options.weightGradient  (out, in) is added to
 * @param options.out, options.accumulate  where dx goes, or is added to
 * @returns dx (tokens, in)
 * @throws {ShapeError} when the shapes do not fit
 * @example
 * const x = new Tensor('float32', [1, 2], [1, 2])
 * const weight = new Tensor('float32', [3, 4], [1, 2])
 * const weightGradient = new Tensor('float32', [0, 0], [1, 2])
 * const dy = new Tensor('float32', [10], [1, 1])
 * linearBackward(x, weight, dy, { weightGradient }).data // => Float32Array [30, 40]
 * weightGradient.data // => Float32Array [10, 20]
 */
export function linearBackward(
  x: Tensor,
  weight: Tensor,
  dy: Tensor,
  { weightGradient, ...into }: Out & { weightGradient: Tensor },
): Tensor {
  matmul(dy, x, { transposeA: true, out: weightGradient, accumulate: true })
  return matmul(dy, weight, into)
}
