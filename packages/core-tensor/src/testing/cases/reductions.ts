import { expect } from 'vitest'
import { aroundAxis, sizeOf } from '../../dims.ts'
import type { ReduceOp } from '../../kernels.ts'
import { histogram } from '../../reference/histogram.ts'
import { nearest } from '../../reference/nearest.ts'
import { reduce } from '../../reference/reduce.ts'
import { rmsNorm } from '../../reference/rms-norm.ts'
import { softmax } from '../../reference/softmax.ts'
import { topK } from '../../reference/top-k.ts'
import { Rng } from '../../rng.ts'
import type { KernelCase } from '../describe-device.ts'
import { expectElements, normals, numbersIn, random, SIZES, SPECIALS, upload } from './fixtures.ts'

const { fround } = Math

const folds: Record<ReduceOp, (column: readonly number[]) => number> = {
  sum: column => column.reduce((a, b) => a + b, 0),
  sumSquares: column => column.reduce((a, b) => a + b * b, 0),
  max: column => column.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), -Infinity),
  absMax: column => column.reduce((a, b) => (Math.abs(b) > a || Number.isNaN(b) ? Math.abs(b) : a), 0),
}

const exactFolds: readonly ReduceOp[] = ['max', 'absMax']

/** The elements along an axis, for every place around it. */
function columnsOf(x: ArrayLike<number>, dims: readonly number[], axis: number): number[][] {
  const { outer, length, inner } = aroundAxis(dims, axis, 'case')
  return Array.from({ length: outer * inner }, (_, place) =>
    Array.from({ length }, (_, i) => x[(Math.floor(place / inner) * length + i) * inner + (place % inner)]!),
  )
}

const reduceCases = (Object.keys(folds) as ReduceOp[]).flatMap(op =>
  (['float32', 'float16', 'int32', 'float64'] as const).map(
    (type): KernelCase => ({
      kernel: 'reduce',
      name: `${op} of ${type} along each axis`,
      hostOnly: type === 'float64',
      async run(device) {
        for (const dims of [[257], [0, 3], [3, 0], [1, 1], [5, 3, 65], [64, 17]]) {
          for (let axis = 0; axis < dims.length; axis++) {
            const x = upload(
              device,
              type,
              dims,
              normals(new Rng(21), sizeOf(dims)).map(value => value * 9),
            )
            const expected = columnsOf(await numbersIn(x), dims, axis).map(folds[op])
            // Rounding of a sum in any order is below n·2⁻²⁴ of the sum of magnitudes.
            const scale = exactFolds.includes(op) ? {} : { rtol: 1e-5, atol: 1e-3 }
            const want = {
              dims: dims.filter((_, i) => i !== axis),
              type: type === 'float64' ? type : ('float32' as const),
              ...scale,
            }
            await expectElements(reduce(op, x, { axis }), expected, want)
            await expectElements(reduce(op, x, { axis: axis - dims.length }), expected, want)
          }
        }
      },
    }),
  ),
)

export const reductionCases: readonly KernelCase[] = [
  ...reduceCases,
  {
    kernel: 'reduce',
    name: 'in sequence, bit for bit',
    hostOnly: true,
    async run(device) {
      const x = random(device, new Rng(22), [257, 3])
      const columns = columnsOf(await numbersIn(x), [257, 3], 0)
      const sums = columns.map(column => column.reduce((a, b) => fround(a + b), 0))
      const squares = columns.map(column => column.reduce((a, b) => fround(a + fround(b * b)), 0))
      await expectElements(reduce('sum', x, { axis: 0, order: 'sequential' }), sums, { dims: [3] })
      await expectElements(reduce('sumSquares', x, { axis: 0, order: 'sequential' }), squares, { dims: [3] })
    },
  },
  {
    kernel: 'reduce',
    name: 'keeps NaN and infinities',
    hostOnly: true,
    async run(device) {
      const x = upload(device, 'float32', [3, 2], [NaN, 1, Infinity, -Infinity, -5, -0])
      await expectElements(reduce('max', x, { axis: 1 }), [NaN, Infinity, -0], { dims: [3] })
      await expectElements(reduce('absMax', x, { axis: 1 }), [NaN, Infinity, 5], { dims: [3] })
      await expectElements(reduce('sum', x, { axis: 1 }), [NaN, NaN, -5], { dims: [3] })
    },
  },
  {
    kernel: 'reduce',
    name: 'adds to out',
    async run(device) {
      const out = upload(device, 'float32', [2], [100, 200])
      const x = upload(device, 'float32', [2, 2], [1, 2, 3, 4])
      expect(reduce('sum', x, { axis: 1, out, accumulate: true })).toBe(out)
      await expectElements(out, [103, 207], { dims: [2] })
    },
  },
  {
    kernel: 'softmax',
    name: 'rows of many lengths',
    async run(device) {
      for (const n of SIZES) {
        const x = random(device, new Rng(n + 23), [3, n])
        const rows = columnsOf(await numbersIn(x), [3, n], 1)
        const expected = rows.flatMap(row =>
          row.map(a => 1 / row.reduce((sum, b) => sum + Math.E ** (b - a), 0)),
        )
        await expectElements(softmax(x), expected, { dims: [3, n], rtol: 2e-6, atol: 1e-9 })
        await expectElements(softmax(x, { out: x }), expected, { dims: [3, n], rtol: 2e-6, atol: 1e-9 })
      }
    },
  },
  {
    kernel: 'softmax',
    name: 'a row of −∞ gives zeros, and large numbers do not overflow',
    hostOnly: true,
    async run(device) {
      const x = upload(device, 'float32', [3, 2], [-Infinity, -Infinity, 1e38, 1e38, -Infinity, 7])
      await expectElements(softmax(x), [0, 0, 0.5, 0.5, 0, 1], { dims: [3, 2] })
    },
  },
  {
    kernel: 'rmsNorm',
    name: 'rows of many lengths',
    async run(device) {
      for (const d of SIZES) {
        const rng = new Rng(d + 24)
        const [x, weight] = [random(device, rng, [2, 3, d]), random(device, rng, [d])]
        const [data, gain] = [await numbersIn(x), await numbersIn(weight)]
        const expected = data.map((value, i) => {
          const row = data.slice(i - (i % d), i - (i % d) + d)
          return (value / Math.sqrt(folds.sumSquares([...row]) / d + 1e-5)) * gain[i % d]!
        })
        const y = rmsNorm(x, weight, { epsilon: 1e-5 })
        await expectElements(y, expected, { dims: [2, 3, d], rtol: 3e-6, atol: 1e-7 })
        await expectElements(rmsNorm(x, weight, { epsilon: 1e-5, out: x }), expected, {
          dims: [2, 3, d],
          rtol: 3e-6,
          atol: 1e-7,
        })
      }
    },
  },
  {
    kernel: 'topK',
    name: 'the largest with their places, the first of equals',
    async run(device) {
      for (const n of SIZES) {
        for (const k of new Set([0, 1, Math.floor(n / 2), n])) {
          if (k > n) continue
          const rng = new Rng(n + 25)
          const values = Float64Array.from({ length: 2 * n }, () => rng.integer(9) - 4) // many equals
          const rows = columnsOf(values, [2, n], 1)
          const order = rows.map(row =>
            row
              .map((_, i) => i)
              .sort((a, b) => row[b]! - row[a]! || a - b)
              .slice(0, k),
          )
          const x = upload(device, 'float32', [2, n], values)
          const sorted = topK(x, { k })
          await expectElements(sorted.indices, order.flat(), { dims: [2, k], type: 'int32' })
          await expectElements(
            sorted.values,
            order.flatMap((at, row) => at.map(i => rows[row]![i]!)),
            { dims: [2, k] },
          )
          const places = order.map(at => at.sort((a, b) => a - b))
          await expectElements(topK(x, { k, sorted: false }).indices, places.flat(), {
            dims: [2, k],
            type: 'int32',
          })
        }
      }
    },
  },
  {
    kernel: 'topK',
    name: 'NaN counts as smallest, below −∞',
    hostOnly: true,
    async run(device) {
      const { indices } = topK(upload(device, 'float32', [5], [NaN, -Infinity, 3, NaN, Infinity]), { k: 4 })
      await expectElements(indices, [4, 2, 1, 0], { dims: [4], type: 'int32' })
    },
  },
  {
    kernel: 'histogram',
    name: 'counts per bin, ends included, the rest left out',
    async run(device) {
      for (const size of SIZES) {
        const x = random(device, new Rng(size + 26), [size])
        const counts = new Array<number>(10).fill(0)
        for (const value of await numbersIn(x))
          if (Math.abs(value) <= 2) counts[Math.min(9, Math.floor((value + 2) / 0.4))]!++
        await expectElements(histogram(x, { bins: 10, range: [-2, 2] }), counts, {
          dims: [10],
          type: 'int32',
        })
      }
      const ends = upload(device, 'float32', [5], [0, 1, 4, 4.000001, -1e-7])
      await expectElements(histogram(ends, { bins: 4, range: [0, 4] }), [1, 1, 0, 1], {
        dims: [4],
        type: 'int32',
      })
    },
  },
  {
    kernel: 'histogram',
    name: 'leaves NaN and infinities out',
    hostOnly: true,
    async run(device) {
      const x = upload(device, 'float32', [SPECIALS.length], SPECIALS)
      const within = SPECIALS.filter(value => value >= -2 && value <= 2).length
      const counts = await numbersIn(histogram(x, { bins: 7, range: [-2, 2] }))
      expect(counts.reduce((a, b) => a + b, 0)).toBe(within)
    },
  },
  {
    kernel: 'nearest',
    name: 'the closest row of a table, with and without weights',
    async run(device) {
      for (const [n, entries, d] of [
        [0, 1, 1],
        [1, 1, 3],
        [65, 17, 4],
        [33, 256, 1],
        [5, 3, 65],
      ] as const) {
        const rng = new Rng(27)
        const [x, table] = [random(device, rng, [n, d]), random(device, rng, [entries, d])]
        for (const weightDims of [undefined, [d], [n, d]]) {
          const weights = weightDims && normals(rng, sizeOf(weightDims)).map(value => value * value + 0.1)
          const weight = weights && upload(device, 'float32', weightDims, weights)
          const found = await numbersIn(nearest(x, table, weight === undefined ? {} : { weight }))
          const [rows, centres] = [await numbersIn(x), await numbersIn(table)]
          const importance = weight === undefined ? [1] : await numbersIn(weight)
          const distance = (i: number, e: number) => {
            let total = 0
            for (let j = 0; j < d; j++)
              total +=
                importance[(i * d + j) % importance.length]! * (rows[i * d + j]! - centres[e * d + j]!) ** 2
            return total
          }
          // A distance within rounding of the best one will do.
          for (let i = 0; i < n; i++) {
            const best = Math.min(...Array.from({ length: entries }, (_, e) => distance(i, e)))
            expect(distance(i, found[i]!)).toBeLessThanOrEqual(best * (1 + 1e-5))
          }
          expect(found.length).toBe(n)
        }
      }
      const equals = nearest(
        upload(device, 'float32', [1, 1], [0]),
        upload(device, 'float32', [3, 1], [2, -1, 1]),
      )
      await expectElements(equals, [1], { dims: [1], type: 'int32' })
    },
  },
]
