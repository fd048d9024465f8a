import { type Loss, Rng, Tensor } from '@tersor/core-tensor'
import { softmax } from '@tersor/core-tensor/reference'
import { Decoder } from '@tersor/models'
import { describe, expect, test } from 'vitest'
import { attentionMatching } from './attention-matching.ts'
import { distillFrom } from './distill-from.ts'
import { forwardKl } from './forward-kl.ts'
import { hiddenMatching } from './hidden-matching.ts'
import { llamaGradients } from './llama-gradients.ts'
import { reverseKl } from './reverse-kl.ts'
import {
  centralDifferences,
  differencesAlong,
  dot,
  normals,
  relativeError,
} from './testing/central-differences.ts'
import { randomWeights, smallConfig } from './testing/small-llama.ts'

const weights = [1, 0, 0.3, 2]
const losses: Record<string, (student: Tensor, teacher: Tensor) => Loss> = {
  forwardKl: (s, t) => forwardKl(s, t, { temperature: 2, weights }),
  reverseKl: (s, t) => reverseKl(s, t, { temperature: 2, weights }),
  mse: (s, t) => hiddenMatching(s, t, { weights }),
  cosine: (s, t) => hiddenMatching(s, t, { measure: 'cosine', weights }),
}

describe.each(Object.entries(losses))('%s', (_, loss) => {
  const student = normals([4, 5], { spread: 2 })
  const teacher = normals([4, 5], { seed: 2, spread: 2 })

  test('its gradient against central differences', () => {
    const { gradient } = loss(student, teacher)
    const expected = centralDifferences(student, () => loss(student, teacher).loss)
    expect(relativeError(gradient, expected)).toBeLessThan(1e-9)
  })

  test('is 0 only where both say the same, and rows without weight do not count', () => {
    expect(loss(teacher, teacher).loss).toBeCloseTo(0, 12)
    expect(loss(student, teacher).loss).toBeGreaterThan(0.1)
    const other = new Tensor('float64', (student.data as Float64Array).slice(), [4, 5])
    ;(other.data as Float64Array)[7] = 50
    expect(loss(other, teacher).loss).toBe(loss(student, teacher).loss)
  })

  test('refuses what differs in shape', () => {
    expect(() => loss(student, normals([4, 4]))).toThrow('same (rows, columns)')
  })
})

test('divergences are those of the definition', () => {
  const rng = new Rng(5)
  const logits = () =>
    new Tensor(
      'float64',
      Float64Array.from({ length: 6 }, () => 3 * rng.normal()),
      [1, 6],
    )
  const [student, teacher] = [logits(), logits()]
  const [q, p] = [student, teacher].map(z =>
    softmax(
      new Tensor(
        'float64',
        (z.data as Float64Array).map(x => x / 3),
        z.dims,
      ),
    ),
  ) as [Tensor, Tensor]
  const kl = (a: Tensor, b: Tensor) =>
    (a.data as Float64Array).reduce((sum, x, i) => sum + x * Math.log(x / (b.data as Float64Array)[i]!), 0)
  expect(forwardKl(student, teacher, { temperature: 3 }).loss).toBeCloseTo(9 * kl(p, q), 10)
  expect(reverseKl(student, teacher, { temperature: 3 }).loss).toBeCloseTo(9 * kl(q, p), 10)
})

test('attention matching: its gradient with respect to scores', () => {
  const scores = normals([2, 3, 4])
  const teacher = softmax(normals([2, 3, 4], { seed: 2 }))
  const { gradient } = attentionMatching(softmax(scores), teacher)
  const expected = centralDifferences(scores, () => attentionMatching(softmax(scores), teacher).loss)
  expect(relativeError(gradient, expected)).toBeLessThan(1e-9)
})

test.each(['forward', 'reverse'] as const)(
  'the mix with a teacher (%s), through the whole model',
  direction => {
    const teacher = new Decoder(smallConfig, randomWeights(smallConfig, 'float64', { seed: 50 }))
    const student = randomWeights(smallConfig, 'float64')
    const objective = distillFrom(teacher, { textShare: 0.3, direction })
    const windows = [{ tokens: Int32Array.of(1, 5, 3, 9, 0, 2), borders: [0, 2, 6] }]
    const run = () => llamaGradients(smallConfig, student, windows, { objective })
    const { gradients } = run()
    const name = 'layers.0.attention.key'
    const along = normals(student.get(name)!.dims, { seed: 3 })
    const slope = differencesAlong(student.get(name)!, along, () => run().loss)
    expect(relativeError([dot(gradients.get(name)!, along)], [slope])).toBeLessThan(1e-7)
    const own = distillFrom(new Decoder(smallConfig, student), { textShare: 0 })
    expect(llamaGradients(smallConfig, student, windows, { objective: own }).loss).toBeCloseTo(0, 12)
  },
)
