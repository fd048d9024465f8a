import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceKernels } from '../device/kernels.ts'
import { FormatError, NumericalError, ShapeError } from '../errors.ts'
import { gram } from '../reference/gram.ts'
import { Rng } from '../rng.ts'
import { Tensor } from '../tensor/tensor.ts'
import { GrowingDevice } from '../testing/growing-device.ts'
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
  const data = found.value.data as Float64Array
  values.forEach((value, i) => {
    expect(Math.abs(data[i]! - value)).toBeLessThan(1e-12 * (1 + found.count))
  })
}

describe('GramStatistic', () => {
  it('sums xᵀ·x and counts samples over all leading dimensions', () => {
    const x = batch(24, 1)
    const statistic = gathered(x.reshape([2, 3, 4, columns]))
    expect(statistic.count).toBe(24)
    expect(statistic.value.type).toBe('float64')
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
    expect(statistic.value.data[0]).toBe(2 ** 24 + 10)
  })

  it('comes back from its tensors, independent of them', () => {
    const statistic = gathered(batch(7, 3))
    const saved = statistic.toTensors()
    const restored = GramStatistic.fromTensors(saved)
    expect(restored.value.data).toEqual(statistic.value.data)
    expect([restored.count, restored.columns]).toEqual([7, columns])
    restored.add(batch(1, 4))
    expect(restored.value.data).not.toEqual(statistic.value.data)
  })

  it('rejects batches that would spoil it, and stays as it was', () => {
    const statistic = gathered(batch(3, 1))
    const before = statistic.value.data.slice()
    expect(() => statistic.add(new Tensor('float32', [1, 2], [1, 2]))).toThrow(ShapeError)
    expect(() => statistic.add(new Tensor('float32', [1], []))).toThrow(ShapeError)
    expect(() => statistic.add(new Tensor('float32', [0, 0, Number.NaN, 0, 0], [1, 5]))).toThrow(
      /sample 0, column 2/,
    )
    expect(() => statistic.add(new Tensor('float32', [0, 0, Infinity, 0, 0], [1, 5]))).toThrow(NumericalError)
    expect(() => statistic.merge(new GramStatistic(4))).toThrow(ShapeError)
    expect(statistic.value.data).toEqual(before)
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
    expect(gathered(batch(0, 1)).value.data).toEqual(new Float64Array(25))
    const empty = new GramStatistic(0)
    empty.add(new Tensor('float32', [], [3, 0]))
    expect(empty.count).toBe(3)
  })
})

/** A device whose own `gram` sums one product after the other in float32, the least exact way there is. */
class Float32Grams extends GrowingDevice {
  override readonly kernels: DeviceKernels = {
    gram: x => {
      const rows = new Tensor('float32', x.data.slice(), x.dims)
      return this.upload(gram(rows, { order: 'sequential' }))
    },
  }
}

describe('GramStatistic on a device with a gram of its own', () => {
  /** Samples that are all alike, so that roundings add up instead of making good for each other. */
  const alike = (samples: number) => {
    const values = Float32Array.from({ length: samples * columns }, (_, i) => 1.1 + 0.13 * (i % columns))
    return new Tensor('float32', values, [samples, columns])
  }

  it('stays within its bound of float64 however many samples there are', () => {
    const x = alike(20_000)
    const device = new Float32Grams()
    const there = device.upload(x)
    const statistic = new GramStatistic(columns)
    statistic.add(there)
    expect(device.live).toEqual(new Set([there.memory]))
    const exact = expected(x)
    const worst = (values: ArrayLike<number>) =>
      Math.max(
        ...exact.map((value, at) => {
          const [i, j] = [Math.floor(at / columns), at % columns]
          return Math.abs(values[at]! - value) / Math.sqrt(exact[i * 6]! * exact[j * 6]!)
        }),
      )
    expect(worst(statistic.value.data as Float64Array)).toBeLessThan(256 * 2 ** -24)
    // One float32 sum over all samples is not.
    expect(worst(gram(x, { order: 'sequential' }).data as Float32Array)).toBeGreaterThan(256 * 2 ** -24)
  })

  it('leaves squares that float32 cannot hold to float64', () => {
    const statistic = new GramStatistic(2)
    statistic.add(new Float32Grams().upload(new Tensor('float32', [1e30, 1, 1, 1], [2, 2])))
    expect(statistic.value.data[0]).toBe(Math.fround(1e30) ** 2 + 1)
    expect([...statistic.value.data.slice(1)].map(Number)).toEqual([
      Math.fround(1e30) + 1,
      Math.fround(1e30) + 1,
      2,
    ])
  })

  it('reads Gram matrices from a remote one, and names what it cannot', async () => {
    const device = Object.defineProperty(new Float32Grams(), 'host', { value: false })
    const x = batch(300, 8)
    const statistic = new GramStatistic(columns)
    const there = device.upload(x.reshape([3, 100, columns]))
    const collected = statistic.collect(there)
    there.dispose()
    await collected
    expect(statistic.count).toBe(300)
    expected(x).forEach((value, i) => {
      expect(Math.abs((statistic.value.data[i] as number) - value)).toBeLessThan(1e-3)
    })
    expect(device.live.size).toBe(0)
    expect(() => statistic.add(device.upload(x))).toThrow(/await tensor.to/)
    const broken = device.upload(new Tensor('float32', [0, 0, Number.NaN, 0, 0], [1, 5]))
    await expect(statistic.collect(broken)).rejects.toThrow(NumericalError)
    expect(statistic.count).toBe(300)
  })
})
