import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError, NumericalError, ShapeError } from '../errors.ts'
import { Rng } from '../rng.ts'
import { Tensor } from '../tensor/tensor.ts'
import { GramStatistic } from './gram-statistic.ts'

const columns = 5

function batch(samples: number, seed: number): Tensor {
  const rng = new Rng(seed)
  return new Tensor(
    'float32',
    Array.from({ length: samples * columns }, () => rng.normal()),
    [samples, columns],
  )
}

/** Σ xᵀ·x by its definition. */
function expected(x: Tensor): number[] {
  const data = x.data as Float32Array
  return Array.from({ length: columns * columns }, (_, at) => {
    let sum = 0
    for (let row = 0; row < data.length; row += columns) {
      sum += data[row + Math.floor(at / columns)]! * data[row + (at % columns)]!
    }
    return sum
  })
}

function gathered(...batches: Tensor[]): GramStatistic {
  const statistic = new GramStatistic(columns)
  for (const x of batches) statistic.add(x)
  return statistic
}

function expectClose(found: GramStatistic, values: readonly number[]): void {
  const data = found.gram.data as Float64Array
  values.forEach((value, i) => {
    expect(Math.abs(data[i]! - value)).toBeLessThan(1e-12 * (1 + found.count))
  })
}

describe('GramStatistic', () => {
  it('sums xᵀ·x and counts samples over all leading dimensions', () => {
    const x = batch(24, 1)
    const statistic = gathered(x.reshape([2, 3, 4, columns]))
    expect(statistic.count).toBe(24)
    expect(statistic.gram.type).toBe('float64')
    expectClose(statistic, expected(x))
  })

  it('does not depend on how samples are cut into batches and merged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 }),
        fc.integer({ min: 0, max: 4 }),
        (cuts, split) => {
          const x = batch(30, 2)
          const ends = [0, ...cuts.sort((a, b) => a - b), 30]
          const pieces = ends.slice(1).map((end, i) => x.rows(ends[i]!, end))
          const merged = gathered(...pieces.slice(0, split)).merge(gathered(...pieces.slice(split)))
          expect(merged.count).toBe(30)
          expectClose(merged, expected(x))
        },
      ),
      { numRuns: 50, seed: 1 },
    )
  })

  it('accumulates in float64, where float32 would stand still', () => {
    const statistic = new GramStatistic(1)
    statistic.add(new Tensor('float32', [4096], [1, 1])) // 2²⁴
    for (let i = 0; i < 10; i++) statistic.add(new Tensor('float32', [1], [1, 1]))
    expect(statistic.gram.data[0]).toBe(2 ** 24 + 10)
  })

  it('comes back from its tensors, independent of them', () => {
    const statistic = gathered(batch(7, 3))
    const saved = statistic.toTensors()
    const restored = GramStatistic.fromTensors(saved)
    expect(restored.gram.data).toEqual(statistic.gram.data)
    expect([restored.count, restored.columns]).toEqual([7, columns])
    restored.add(batch(1, 4))
    expect(restored.gram.data).not.toEqual(statistic.gram.data)
  })

  it('rejects batches that would spoil it, and stays as it was', () => {
    const statistic = gathered(batch(3, 1))
    const before = statistic.gram.data.slice()
    expect(() => statistic.add(new Tensor('float32', [1, 2], [1, 2]))).toThrow(ShapeError)
    expect(() => statistic.add(new Tensor('float32', [1], []))).toThrow(ShapeError)
    expect(() => statistic.add(new Tensor('float32', [0, 0, Number.NaN, 0, 0], [1, 5]))).toThrow(
      /sample 0, column 2/,
    )
    expect(() => statistic.add(new Tensor('float32', [0, 0, Infinity, 0, 0], [1, 5]))).toThrow(NumericalError)
    expect(() => statistic.merge(new GramStatistic(4))).toThrow(ShapeError)
    expect(statistic.gram.data).toEqual(before)
    expect(statistic.count).toBe(3)
    expect(() => new GramStatistic(-1)).toThrow(ShapeError)
  })

  it('rejects damaged files', () => {
    const { gram, count } = gathered(batch(3, 1)).toTensors()
    const one = (value: number) => new Tensor('float64', [value], [1])
    expect(() => GramStatistic.fromTensors({ gram })).toThrow(/count, got gram/)
    expect(() => GramStatistic.fromTensors({ gram, count: one(-1) })).toThrow(FormatError)
    expect(() => GramStatistic.fromTensors({ gram, count: one(0.5) })).toThrow(FormatError)
    expect(() => GramStatistic.fromTensors({ gram: gram.reshape([25]), count })).toThrow(/square/)
    expect(() => GramStatistic.fromTensors({ gram: one(Number.NaN).reshape([1, 1]), count })).toThrow(
      /finite/,
    )
    expect(() => GramStatistic.fromTensors({ gram: new Tensor('float32', [1], [1, 1]), count })).toThrow(
      /float64/,
    )
  })

  it('takes no samples and no columns', () => {
    expect(gathered(batch(0, 1)).gram.data).toEqual(new Float64Array(25))
    const empty = new GramStatistic(0)
    empty.add(new Tensor('float32', [], [3, 0]))
    expect(empty.count).toBe(3)
  })
})
