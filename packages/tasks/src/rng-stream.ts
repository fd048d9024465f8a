import { Rng } from '@tersor/core-tensor'

/**
 * One of many unrelated streams of a seed, so that the thousandth window or the seventh task can be drawn
 * without those before it.
 *
 * @param seed  a whole number from 0 to 2^53 − 1
 * @param stream  a whole number from 0 to 2^53 − 1
 */
export function rngStream(seed: number, stream: number): Rng {
  const [a, b] = [new Rng(seed), new Rng(stream)]
  return new Rng([a.uint32(), b.uint32(), a.uint32(), b.uint32()])
}
