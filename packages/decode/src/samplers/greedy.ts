import { argmax } from '@tersor/core-tensor'
import { requireScores } from '../require-scores.ts'
import type { Sampler } from '../sampler.ts'

/**
 * Takes the likeliest token; the first of equally likely ones. The same text each time: for tests, for answers with one
 * right form, and to compare models. In long free text small models begin to repeat themselves; use `temperature` there.
 *
 * @example
 * greedy().choose(Float32Array.of(1, 3, 2), new Rng(0)) // => 1
 */
export function greedy(): Sampler {
  return Object.freeze({
    name: 'greedy',
    choose(scores: Float32Array) {
      requireScores(scores, 'decode/greedy')
      return argmax(scores)
    },
  })
}
