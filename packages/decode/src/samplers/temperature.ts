import type { Rng } from '@tersor/core-tensor'
import { checkTemperature, draw } from '../draw.ts'
import type { Sampler } from '../sampler.ts'

/**
 * Draws a token with probability softmax(scores / t). At 1 it draws from the model itself, which is what calibration and
 * evaluation want; below 1 it keeps more and more to the likely tokens.
 *
 * @param t  above 0
 * @throws {ShapeError} unless t is above 0 and finite
 * @example
 * const { choose } = temperature(1.5)
 * const rng = new Rng(1)
 * Array.from({ length: 8 }, () => choose(Float32Array.of(1, 3, 2), rng)) // => [1, 0, 1, 2, 1, 1, 2, 1]
 */
export function temperature(t: number): Sampler {
  checkTemperature(t, 'decode/temperature')
  return Object.freeze({
    name: 'temperature',
    choose: (scores: Float32Array, rng: Rng) => draw(scores, t, rng),
  })
}
