import type { Rng } from '@tersor/core-tensor'

/**
 * How the next token is chosen from the logits: a small frozen value that a function makes, such as `greedy()` or
 * `temperature(0.8)`. What it needs by chance it takes from `rng`, so that a seed decides every text.
 *
 * @example
 * const lastToken: Sampler = { name: 'lastToken', choose: scores => scores.length - 1 }
 * lastToken.choose(Float32Array.of(1, 2, 3), new Rng(0)) // => 2
 */
export interface Sampler {
  /** That of the function that makes it. */
  readonly name: string
  /**
   * A token.
   *
   * @param scores  (vocabSize) logits, which are left as they are; −∞ is never chosen
   * @throws {NumericalError} when a score is NaN or +∞, or all are −∞
   */
  choose(scores: Float32Array, rng: Rng): number
}
