import type { Loss, RowWeights, Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'
import { checkPair, totalWeight } from './row-loss.ts'
import { softened } from './softened.ts'

export interface TemperatureOptions extends RowWeights {
  /** T divides both logits; 1 by default. Above 1 the unlikely entries say more. */
  temperature?: number | undefined
}

/**
 * Distillation as Hinton, Vinyals and Dean have it (2015, arXiv:1503.02531): T²·KL(p ‖ q) of the teacher's
 * distribution p and the student's q, both softmax(z / T), as a weighted mean over rows. Its gradient
 * with respect to the student's logits is T·(q − p): T² keeps its size whatever T is.
 *
 * The student has to cover all that the teacher finds likely; see {@link reverseKl} for one that cannot.
 *
 * @param student  (rows, vocabulary) logits
 * @param teacher  (rows, vocabulary) logits
 * @throws {ShapeError} when the shapes differ
 * @example
 * const student = new Tensor('float32', [0, 0], [1, 2])
 * const teacher = new Tensor('float32', [Math.log(3), 0], [1, 2])
 * const { loss, gradient } = forwardKl(student, teacher)
 * loss // => ≈ 0.131
 * gradient.data // => Float32Array [-0.25, 0.25]
 */
export function forwardKl(student: Tensor, teacher: Tensor, options: TemperatureOptions = {}): Loss {
  const where = 'distill/forward-kl'
  const { temperature = 1, weights } = options
  const [rows, columns] = checkPair(student, teacher, options, where)
  const total = totalWeight(rows, options)
  let loss = 0
  const gradient = student.device.scope(() => {
    const target = softened(teacher, temperature)
    const { probabilities, logSums } = softened(student, temperature)
    const p = floatData(target.probabilities, where)
    const slopes = floatData(probabilities, where)
    const zs = floatData(student, where)
    const zt = floatData(teacher, where)
    for (let row = 0; row < rows; row++) {
      const weight = total === 0 ? 0 : (weights === undefined ? 1 : weights[row]!) / total
      const start = row * columns
      let dot = 0
      for (let i = start; i < start + columns; i++) {
        if (p[i]! > 0) dot += p[i]! * (zt[i]! - zs[i]!)
        slopes[i] = weight * temperature * (slopes[i]! - p[i]!)
      }
      const divergence = dot / temperature + logSums[row]! - target.logSums[row]!
      if (weight > 0) loss += weight * temperature * temperature * divergence
    }
    return probabilities
  })
  return { loss, gradient }
}
