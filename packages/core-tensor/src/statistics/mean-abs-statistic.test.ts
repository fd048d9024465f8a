import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError, NumericalError, ShapeError } from '../errors.ts'
import { Tensor } from '../tensor/tensor.ts'
import { MeanAbsStatistic } from './mean-abs-statistic.ts'

const columns = 3

const matrix = (rows: number[][]) => new Tensor('float32', rows.flat(), [rows.length, columns])

function gathered(...batches: number[][][]): MeanAbsStatistic {
  const statistic = new MeanAbsStatistic(columns)
  for (const rows of batches) statistic.add(matrix(rows))
  return statistic
}

describe('MeanAbsStatistic', () => {
  it('is the mean magnitude of each column, zero of no samples', () => {
    const statistic = new MeanAbsStatistic(columns)
    expect(statistic.value.data).toEqual(new Float64Array(columns))
    statistic.add(matrix([[0.5, -5, 0]]))
    statistic.add(matrix([[-2, 4, -0.25]]))
    expect(statistic.value.data).toEqual(Float64Array.from([1.25, 4.5, 0.125]))
    expect(statistic.count).toBe(2)
  })

  it('does not depend on how samples are cut into batches and merged', () => {
    const row = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
      minLength: columns,
      maxLength: columns,
    })
    const batches = fc.array(fc.array(row, { maxLength: 4 }), { maxLength: 5 })
    fc.assert(
      fc.property(batches, batches, (a, b) => {
        const rows = [...a, ...b].flat()
        const once = gathered(rows)
        expect(gathered(...a, ...b).value.data).toEqual(once.value.data)
        const merged = gathered(...b).merge(gathered(...a))
        expect(merged.count).toBe(rows.length)
        for (let j = 0; j < columns; j++) {
          const mean = rows.reduce((sum, { [j]: x = 0 }) => sum + Math.abs(x), 0) / Math.max(1, rows.length)
          expect(Math.abs((once.value.data[j] as number) - mean)).toBeLessThanOrEqual(1e-12 * mean)
          expect(Math.abs((merged.value.data[j] as number) - mean)).toBeLessThanOrEqual(1e-12 * mean)
        }
      }),
      { seed: 1 },
    )
  })

  it('comes back from its tensors, independent of them', () => {
    const statistic = gathered([[1, 2, 3]])
    const restored = MeanAbsStatistic.fromTensors(statistic.toTensors())
    expect(restored.value.data).toEqual(statistic.value.data)
    restored.add(matrix([[9, 9, 9]]))
    expect(statistic.value.data).toEqual(gathered([[1, 2, 3]]).value.data)
    expect(restored.value.data).toEqual(
      gathered([
        [1, 2, 3],
        [9, 9, 9],
      ]).value.data,
    )
  })

  it('rejects batches that would spoil it, and damaged files', () => {
    const statistic = gathered([[1, 2, 3]])
    const before = statistic.value.data
    expect(() => statistic.add(matrix([[1, Number.NaN, 2]]))).toThrow(NumericalError)
    expect(() => statistic.add(new Tensor('float32', [1, 2], [2]))).toThrow(ShapeError)
    expect(() => statistic.merge(new MeanAbsStatistic(2))).toThrow(ShapeError)
    expect(statistic.value.data).toEqual(before)
    const { count } = statistic.toTensors()
    const negative = { sumAbs: new Tensor('float64', [-1], [1]), count: count! }
    expect(() => MeanAbsStatistic.fromTensors(negative)).toThrow(FormatError)
    expect(() => MeanAbsStatistic.fromTensors({ count: count! })).toThrow(/sumAbs/)
  })
})
