import { type Rng, ShapeError } from '@tersor/core-tensor'
import { exp } from '@tersor/core-tensor/portable-math'
import { requireScores } from './require-scores.ts'

/** How far, as a share of all weights, sums with an engine's own `Math.exp` may be off: far more than they are. */
const MARGIN = 1e-9

/** Tokens whose weights are not kept one by one: memory costs more than adding some of them again. */
const BLOCK = 256

/**
 * A token drawn with probability softmax(scores / temperature). The same scores and generator give the same token on
 * every engine: what the engine's own exponential leaves in doubt, one draw in thousands, is settled by a portable one.
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
  const uniform = rng.uniform()
  let max = -Infinity
  for (let i = 0; i < scores.length; i++) if (scores[i]! > max) max = scores[i]!
  return clearlyUnder(uniform, scores, max, temperature) ?? exactlyUnder(uniform, scores, max, temperature)
}

/**
 * The token into whose share of the weights exp((score − max) / temperature) a number from 0 to 1 falls.
 *
 * @returns undefined where that is so near to where a share begins or ends that another engine might differ
 */
function clearlyUnder(
  uniform: number,
  scores: Float32Array,
  max: number,
  temperature: number,
): number | undefined {
  const before = new Float64Array(Math.ceil(scores.length / BLOCK)) // what weights add up to before each block
  let total = 0
  for (let i = 0; i < scores.length; i++) {
    if (i % BLOCK === 0) before[i / BLOCK] = total
    total += Math.exp((scores[i]! - max) / temperature)
  }
  const target = uniform * total
  const next = before.findIndex(sum => sum > target)
  const block = (next === -1 ? before.length : next) - 1
  let end = before[block]!
  for (let token = block * BLOCK; token < scores.length; token++) {
    const begin = end
    end += Math.exp((scores[token]! - max) / temperature)
    if (end > target) return Math.min(target - begin, end - target) > MARGIN * total ? token : undefined
  }
  return undefined
}

/** The same from IEEE operations alone, wherever it is. */
function exactlyUnder(uniform: number, scores: Float32Array, max: number, temperature: number): number {
  const weights = Float64Array.from(scores, score => exp((score - max) / temperature))
  let left = uniform * weights.reduce((a, b) => a + b)
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
