import type { Loss, RowWeights, Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'
import { checkPair, totalWeight } from './row-loss.ts'

export interface HiddenMatchingOptions extends RowWeights {
  /** `mse`, by default: the mean square of the differences. `cosine`: 1 less the cosine of the angle between rows. */
  measure?: 'mse' | 'cosine' | undefined
}

/**
 * How far a student's hidden states are from its teacher's, as a weighted mean over rows: `mse`
 * (Jiao et al., 2020, TinyBERT, arXiv:1909.10351) or `cosine` (Sanh et al., 2019, DistilBERT, arXiv:1910.01108), which leaves
 * their lengths alone.
 *
 * @param student  (rows, d)
 * @param teacher  (rows, d)
 * @throws {ShapeError} when the shapes differ
 * @example
 * const student = new Tensor('float32', [1, 0], [1, 2])
 * const teacher = new Tensor('float32', [0, 2], [1, 2])
 * hiddenMatching(student, teacher).loss // => 2.5
 * hiddenMatching(student, teacher, { measure: 'cosine' }).loss // => 1
 */
export function hiddenMatching(student: Tensor, teacher: Tensor, options: HiddenMatchingOptions = {}): Loss {
  const where = 'distill/hidden-matching'
  const [rows, columns] = checkPair(student, teacher, options, where)
  const { weights, measure = 'mse' } = options
  const total = totalWeight(rows, options)
  const gradient = student.device.empty(student.type, student.dims)
  const s = floatData(student, where)
  const t = floatData(teacher, where)
  const slopes = floatData(gradient, where)
  const rowLoss = measure === 'mse' ? squares : angle
  let loss = 0
  for (let row = 0; row < rows; row++) {
    const weight = total === 0 ? 0 : (weights === undefined ? 1 : weights[row]!) / total
    const [start, end] = [row * columns, (row + 1) * columns]
    loss +=
      weight * rowLoss(s.subarray(start, end), t.subarray(start, end), weight, slopes.subarray(start, end))
  }
  return { loss, gradient }
}

type Floats = Float32Array | Float64Array

function squares(s: Floats, t: Floats, weight: number, slopes: Floats): number {
  let sum = 0
  for (let i = 0; i < s.length; i++) {
    const difference = s[i]! - t[i]!
    sum += difference * difference
    slopes[i] = (2 * weight * difference) / s.length
  }
  return sum / s.length
}

/** A row of zeros has no direction: its cosine is taken as 0, and nothing pulls at it. */
function angle(s: Floats, t: Floats, weight: number, slopes: Floats): number {
  let [dot, ss, tt] = [0, 0, 0]
  for (let i = 0; i < s.length; i++) {
    dot += s[i]! * t[i]!
    ss += s[i]! * s[i]!
    tt += t[i]! * t[i]!
  }
  if (ss === 0 || tt === 0) return 1
  const norms = Math.sqrt(ss * tt)
  const cosine = dot / norms
  for (let i = 0; i < s.length; i++) slopes[i] = -weight * (t[i]! / norms - (cosine * s[i]!) / ss)
  return 1 - cosine
}
