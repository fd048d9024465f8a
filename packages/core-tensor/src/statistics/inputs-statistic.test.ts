import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError, NumericalError, ShapeError } from '../errors.ts'
import { Tensor } from '../tensor/tensor.ts'
import { InputsStatistic } from './inputs-statistic.ts'

/** Samples whose one column is their number. */
const numbered = (from: number, to: number) =>
  new Tensor(
    'float32',
    Array.from({ length: to - from }, (_, i) => from + i),
    [to - from, 1],
  )

const chosen = (statistic: InputsStatistic) => [...(statistic.value.data as Float32Array)]

describe('InputsStatistic', () => {
  it('keeps everything while there is room, and a bounded sample afterwards', () => {
    const statistic = new InputsStatistic(2, { rows: 3 })
    statistic.add(new Tensor('float32', [1, 2, 3, 4], [1, 2, 2]))
    expect(statistic.value.dims).toEqual([2, 2])
    for (let i = 0; i < 20; i++) statistic.add(new Tensor('float32', [i, -i], [1, 2]))
    expect(statistic.value.dims).toEqual([3, 2])
    expect(statistic.value.type).toBe('float32')
    expect(statistic.count).toBe(22)
  })

  it('chooses every sample equally often', () => {
    const [samples, rows, seeds] = [40, 10, 2000]
    const times = new Float64Array(samples)
    for (let seed = 0; seed < seeds; seed++) {
      const statistic = new InputsStatistic(1, { rows, seed })
      statistic.add(numbered(0, samples))
      for (const i of chosen(statistic)) times[i]!++
    }
    const share = rows / samples
    const deviation = Math.sqrt(seeds * share * (1 - share))
    // Of 40 normal deviates one beyond 4.5 comes once in 3,700 tries.
    for (const count of times) expect(Math.abs(count - seeds * share)).toBeLessThan(4.5 * deviation)
  })

  it('depends on neither batches, nor their order, nor merges, where sources name texts', () => {
    const texts = Array.from({ length: 8 }, (_, i) => ({
      rows: numbered(100 * i, 100 * i + 5 + i),
      source: Int32Array.of(i, 7),
    }))
    const gathered = (of: typeof texts) => {
      const statistic = new InputsStatistic(1, { rows: 12, seed: 3 })
      for (const { rows, source } of of) statistic.add(rows, { source })
      return statistic
    }
    const whole = gathered(texts)
    fc.assert(
      fc.property(
        fc.shuffledSubarray(texts, { minLength: 8 }),
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 0, max: 8 }),
        (order, a, b) => {
          const [first, second] = [Math.min(a, b), Math.max(a, b)]
          const merged = gathered(order.slice(second))
            .merge(gathered(order.slice(0, first)))
            .merge(gathered(order.slice(first, second)))
          expect(merged.toTensors()).toEqual(whole.toTensors())
        },
      ),
      { seed: 1 },
    )
    const other = new InputsStatistic(1, { rows: 12, seed: 4 })
    for (const { rows, source } of texts) other.add(rows, { source })
    expect(chosen(other)).not.toEqual(chosen(whole))
  })

  it('chooses by place, not by value: two models are sampled at the same tokens', () => {
    const [a, b] = [1, 1000].map(factor => {
      const statistic = new InputsStatistic(1, { rows: 4 })
      const rows = numbered(1, 31)
      statistic.add(
        new Tensor(
          'float32',
          (rows.data as Float32Array).map(x => factor * x),
          rows.dims,
        ),
        {
          source: [1, 2, 3],
        },
      )
      return chosen(statistic)
    })
    expect(b).toEqual(a!.map(x => 1000 * x))
  })

  it('counts rows on over batches without a source', () => {
    const whole = new InputsStatistic(1, { rows: 4 })
    whole.add(numbered(0, 50))
    const cut = new InputsStatistic(1, { rows: 4 })
    for (const [from, to] of [
      [0, 13],
      [13, 14],
      [14, 50],
    ] as const)
      cut.add(numbered(from, to))
    expect(chosen(cut)).toEqual(chosen(whole))
    const twice = new InputsStatistic(1, { rows: 4 }).merge(whole).merge(whole)
    expect(twice.count).toBe(100)
    const [first, second] = chosen(whole)
    expect(chosen(twice)).toEqual([first, first, second, second])
  })

  it('begins with a smaller sample', () => {
    const [large, small] = [20, 5].map(rows => {
      const statistic = new InputsStatistic(1, { rows })
      statistic.add(numbered(0, 100))
      return chosen(statistic)
    })
    expect(large!.slice(0, 5)).toEqual(small)
  })

  it('comes back from its tensors and goes on as it would have', () => {
    const statistic = new InputsStatistic(1, { rows: 5, seed: 2 ** 40 })
    statistic.add(numbered(0, 20))
    const restored = InputsStatistic.fromTensors(statistic.toTensors())
    for (const each of [statistic, restored]) each.add(numbered(20, 60))
    expect(restored.toTensors()).toEqual(statistic.toTensors())
    const empty = InputsStatistic.fromTensors(new InputsStatistic(3, { rows: 0 }).toTensors())
    expect([empty.columns, empty.rows, empty.count]).toEqual([3, 0, 0])
  })

  it('rejects batches that would spoil it, what it cannot merge, and damaged files', () => {
    const statistic = new InputsStatistic(1, { rows: 2 })
    statistic.add(numbered(0, 9))
    const before = statistic.toTensors()
    expect(() => statistic.add(new Tensor('float32', [Number.NaN], [1, 1]))).toThrow(NumericalError)
    expect(() => statistic.add(new Tensor('float32', [1, 2], [1, 2]))).toThrow(ShapeError)
    expect(() => statistic.merge(new InputsStatistic(2, { rows: 2 }))).toThrow(ShapeError)
    expect(() => statistic.merge(new InputsStatistic(1, { rows: 3 }))).toThrow(ShapeError)
    expect(() => statistic.merge(new InputsStatistic(1, { rows: 2, seed: 1 }))).toThrow(ShapeError)
    expect(statistic.toTensors()).toEqual(before)
    expect(() => new InputsStatistic(1, { seed: 0.5 })).toThrow(ShapeError)
    expect(() => new InputsStatistic(1, { rows: -1 })).toThrow(ShapeError)
    const float64 = (...values: number[]) => new Tensor('float64', values, [values.length])
    for (const damage of [
      { priorities: float64(1) },
      { priorities: float64(2, 1) },
      { priorities: float64(0.5, 1) },
      { sample: float64(2) },
      { sample: float64(3, 0) },
      { sample: float64(2, 0, 0) },
      { count: float64(1) },
      { inputs: new Tensor('float32', [1, 2], [2]) },
      { inputs: new Tensor('float32', [1, Infinity], [2, 1]) },
    ]) {
      expect(() => InputsStatistic.fromTensors({ ...before, ...damage }), Object.keys(damage)[0]).toThrow(
        FormatError,
      )
    }
  })
})
