import type { Loss, Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'
import type { TemperatureOptions } from './forward-kl.ts'
import { checkPair, totalWeight } from './row-loss.ts'
import { softened } from './softened.ts'

/**
 * T²·KL(q ‖ p) of the student's distribution q and the teacher's p, as a weighted mean over rows: the
 * direction of MiniLLM (Gu et al., 2024, arXiv:2306.08543), here token by token. Its gradient with respect to
 * the student's logits is T·q ⊙ (log(q / p) − KL).
 *
 * A student too small for all that the teacher says settles on the likeliest of it, where
 * {@link forwardKl} spreads over everything.
 *
 * @param student  (rows, vocabulary) logits
 * @param teacher  (rows, vocabulary) logits, finite
 * @throws {ShapeError} when the shapes differ
 * @example
 * const student = new Tensor('float32', [0, 0], [1, 2])
 * const teacher = new Tensor('float32', [Math.log(3), 0], [1, 2])
 * reverseKl(student, teacher).loss // => ≈ 0.144
 */
export function reverseKl(student: Tensor, teacher: Tensor, options: TemperatureOptions = {}): Loss {
  const where = 'distill/reverse-kl'
  const { temperature = 1, weights } = options
  const [rows, columns] = checkPair(student, teacher, options, where)
  const total = totalWeight(rows, options)
  let loss = 0
  const gradient = student.device.scope(() => {
    const target = softened(teacher, temperature)
    const { probabilities, logSums } = softened(student, temperature)
    const slopes = floatData(probabilities, where)
    const zs = floatData(student, where)
    const zt = floatData(teacher, where)
    for (let row = 0; row < rows; row++) {
      const weight = total === 0 ? 0 : (weights === undefined ? 1 : weights[row]!) / total
      const start = row * columns
      const shift = target.logSums[row]! - logSums[row]!
      let divergence = 0
      for (let i = start; i < start + columns; i++) {
        divergence += slopes[i]! * ((zs[i]! - zt[i]!) / temperature + shift)
      }
      for (let i = start; i < start + columns; i++) {
        const logRatio = (zs[i]! - zt[i]!) / temperature + shift
        slopes[i] = weight * temperature * slopes[i]! * (logRatio - divergence)
      }
      if (weight > 0) loss += weight * temperature * temperature * divergence
    }
    return probabilities
  })
  return { loss, gradient }
}
