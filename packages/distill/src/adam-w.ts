import { ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'

export interface AdamWOptions {
  /** η */
  rate: number
  /** How many steps were made with this one; from 1. */
  step: number
  /** β₁, 0.9 by default. */
  beta1?: number | undefined
  /** β₂, 0.95 by default. */
  beta2?: number | undefined
  /** ε, 1e-8 by default. */
  epsilon?: number | undefined
  /** λ, 0 by default: the weight shrinks by η·λ of itself. */
  weightDecay?: number | undefined
}

/**
 * One step of AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101), in place:
 * m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², w ← w − η·(λ·w + m̂ / (√v̂ + ε)), with m̂ and v̂ freed
 * of the bias of their first steps.
 *
 * For embeddings and norms; matrices learn faster with {@link muon}. Exact: the same on every device.
 *
 * @param weight  is changed
 * @param state.mean, state.square  m and v, zeros before the first step; changed
 * @throws {ShapeError} when the shapes differ
 * @example
 * const zeros = () => reference.empty('float32', [1])
 * const weight = new Tensor('float32', [1], [1])
 * const gradient = new Tensor('float32', [4], [1])
 * adamW(weight, gradient, { state: { mean: zeros(), square: zeros() }, rate: 0.25, step: 1 })
 * weight.data // => Float32Array [0.75]
 */
export function adamW(
  weight: Tensor,
  gradient: Tensor,
  options: AdamWOptions & { state: { mean: Tensor; square: Tensor } },
): void {
  const { state, rate, step, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0 } = options
  const all = [gradient, state.mean, state.square]
  if (all.some(({ dims }) => !sameDims(dims, weight.dims))) {
    throw new ShapeError(
      `[distill/adam-w] expected a gradient and a state of [${weight.dims}], got ${all.map(({ dims }) => `[${dims}]`)}`,
    )
  }
  const [w, g, m, v] = [weight, ...all].map(x => floatData(x, 'distill/adam-w'))
  const meanScale = 1 / (1 - beta1 ** step)
  const squareScale = 1 / (1 - beta2 ** step)
  for (let i = 0; i < w!.length; i++) {
    const slope = g![i]!
    const mean = (m![i] = beta1 * m![i]! + (1 - beta1) * slope)
    const square = (v![i] = beta2 * v![i]! + (1 - beta2) * slope * slope)
    const held = w![i]!
    const move = (mean * meanScale) / (Math.sqrt(square * squareScale) + epsilon)
    w![i] = held - rate * (weightDecay * held + move)
  }
}
