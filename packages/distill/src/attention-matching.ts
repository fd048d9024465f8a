import { type Loss, ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'

/**
 * How far a student's attention is from its teacher's: the mean over heads and queries of KL(teacher ‖
 * student) of where each looks (Wang et al., 2020, MiniLM, arXiv:2002.10957). The gradient is with respect to the
 * student's scores before their softmax, where it is student − teacher.
 *
 * @param student  (…, queries, keys) probabilities: rows of a softmax
 * @param teacher  (…, queries, keys) probabilities
 * @throws {ShapeError} when the shapes differ
 * @example
 * const student = new Tensor('float32', [0.5, 0.5], [1, 1, 2])
 * const teacher = new Tensor('float32', [0.75, 0.25], [1, 1, 2])
 * const { loss, gradient } = attentionMatching(student, teacher)
 * loss // => ≈ 0.131
 * gradient.data // => Float32Array [-0.25, 0.25]
 */
export function attentionMatching(student: Tensor, teacher: Tensor): Loss {
  const where = 'distill/attention-matching'
  const keys = student.dims.at(-1) ?? 0
  if (keys === 0 || !sameDims(student.dims, teacher.dims)) {
    throw new ShapeError(
      `[${where}] expected two tensors of the same (…, queries, keys), got [${student.dims}] and [${teacher.dims}]`,
    )
  }
  const gradient = student.device.empty(student.type, student.dims)
  const q = floatData(student, where)
  const p = floatData(teacher, where)
  const slopes = floatData(gradient, where)
  const rows = student.size / keys
  let loss = 0
  for (let i = 0; i < q.length; i++) {
    if (p[i]! > 0) loss += p[i]! * Math.log(p[i]! / q[i]!)
    slopes[i] = (q[i]! - p[i]!) / rows
  }
  return { loss: loss / rows, gradient }
}
