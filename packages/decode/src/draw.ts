import { type Rng, ShapeError } from '@tersor/core-tensor'
import { exp } from '@tersor/core-tensor/portable-math'
import { requireScores } from './require-scores.ts'

/**
 * A token drawn with probability softmax(scores / temperature). The same scores and generator give the same token on
 * every engine.
 *
 * @param scores  (vocabSize) logits; a token with −∞ is never drawn
 * @param temperature  above 0; below 1 likely tokens become likelier
 * @throws {NumericalError} when a score is NaN or +∞, or all are −∞
 * @throws {ShapeError} unless the temperature is above 0 and finite
 * @example
 * const rng = new Rng(1)
 * const scores = Float32Array.of(1, -Infinity, 2)
 * Array.from({ length: 8 }, () => draw(scores, 1, rng)) // => [2, 0, 0, 2, 2, 2, 2, 2]
 */
export function draw(scores: Float32Array, temperature: number, rng: Rng): number {
  checkTemperature(temperature, 'decode/draw')
  requireScores(scores, 'decode/draw')
  const max = scores.reduce((a, b) => (b > a ? b : a))
  const weights = Float64Array.from(scores, score => exp((score - max) / temperature))
  let left = rng.uniform() * weights.reduce((a, b) => a + b)
  let last = 0
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue
    left -= weights[i]!
    if (left < 0) return i
    last = i
  }
  // The sum was rounded up.
  return last
}

/** Throws unless a temperature is above 0 and finite. */
export function checkTemperature(temperature: number, where: string): void {
  if (temperature > 0 && temperature < Infinity) return
  throw new ShapeError(
    `[${where}] expected a temperature above 0, got ${temperature}; greedy() takes the likeliest token`,
  )
}
