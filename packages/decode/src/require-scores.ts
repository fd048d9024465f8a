import { NumericalError } from '@tersor/core-tensor'

/** Throws unless the scores are numbers below +∞, and one of them is above −∞. */
export function requireScores(scores: Float32Array, where: string): void {
  let finite = 0
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!
    if (Number.isNaN(score) || score === Infinity) {
      throw new NumericalError(
        `[${where}] expected logits below infinity, got ${score} for token ${i}; the model's weights or activations hold NaN or infinity`,
      )
    }
    if (score > -Infinity) finite++
  }
  if (finite === 0) {
    throw new NumericalError(
      `[${where}] expected a token that may be chosen, got ${scores.length} logits of −∞; mask fewer tokens`,
    )
  }
}
