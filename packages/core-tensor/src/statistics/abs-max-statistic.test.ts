import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError, NumericalError, ShapeError } from '../errors.ts'
import { Tensor } from '../tensor/tensor.ts'
import { AbsMaxStatistic } from './abs-max-statistic.ts'

const columns = 3

const matrix = (rows: number[][]) => new Tensor('float32', rows.flat(), [rows.length, columns])

function gathered(...batches: number[][][]): AbsMaxStatistic {
  const statistic = new AbsMaxStatistic(columns)
  for (const rows of batches) statistic.add(matrix(rows))
  return statistic
}

describe('AbsMaxStatistic', () => {
  it('keeps the largest magnitude of each column', () => {
    const statistic = gathered(
      [[1, -5, 0]],
      [
        [-2, 4, 0],
        [0.5, 0, -0.25],
      ],
    )
    expect(statistic.value.data).toEqual(Float64Array.of(2, 5, 0.25))
    expect(statistic.count).toBe(3)
  })

  it('is exactly the same for every order and grouping', () => {
    const row = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: columns,
      maxLength: columns,
    })
    const batches = fc.array(fc.array(row, { maxLength: 4 }), { maxLength: 5 })
    fc.assert(
      fc.property(batches, batches, batches, (a, b, c) => {
        const once = gathered([...a, ...b, ...c].flat())
        const expected = Float64Array.from({ length: columns }, (_, j) =>
          [...a, ...b, ...c].flat().reduce((max, x) => Math.max(max, Math.abs(x[j]!)), 0),
        )
        const left = gathered(...a)
          .merge(gathered(...b))
          .merge(gathered(...c))
        const right = gathered(...c).merge(gathered(...b).merge(gathered(...a)))
        for (const statistic of [once, left, right]) {
          expect(statistic.value.data).toEqual(expected)
          expect(statistic.count).toBe(once.count)
        }
      }),
      { seed: 1 },
    )
  })

  it('comes back from its tensors, independent of them', () => {
    const statistic = gathered([[1, 2, 3]])
    const restored = AbsMaxStatistic.fromTensors(statistic.toTensors())
    restored.add(matrix([[9, 9, 9]]))
    expect(statistic.value.data).toEqual(Float64Array.of(1, 2, 3))
    expect(restored.value.data).toEqual(Float64Array.of(9, 9, 9))
    expect(restored.count).toBe(2)
  })

  it('rejects batches that would spoil it, and damaged files', () => {
    const statistic = gathered([[1, 2, 3]])
    expect(() => statistic.add(matrix([[1, Number.NaN, 2]]))).toThrow(NumericalError)
    expect(() => statistic.add(new Tensor('float32', [1, 2], [2]))).toThrow(ShapeError)
    expect(() => statistic.merge(new AbsMaxStatistic(2))).toThrow(ShapeError)
    expect(statistic.value.data).toEqual(Float64Array.of(1, 2, 3))
    const { count } = statistic.toTensors()
    expect(() => AbsMaxStatistic.fromTensors({ absMax: new Tensor('float64', [-1], [1]), count })).toThrow(
      FormatError,
    )
    expect(() => AbsMaxStatistic.fromTensors({ count })).toThrow(/absMax/)
  })
})
