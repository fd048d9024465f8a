import { expect } from 'vitest'
import { histogram } from '../../../reference/histogram.ts'
import { nearest } from '../../../reference/nearest.ts'
import { topK } from '../../../reference/top-k.ts'
import { Rng } from '../../../rng.ts'
import { sizeOf } from '../../../tensor/dims.ts'
import type { KernelCase } from '../../describe-device.ts'
import {
  columnsOf,
  expectElements,
  normals,
  numbersIn,
  random,
  SIZES,
  SPECIALS,
  upload,
} from '../fixtures.ts'

export const selectingCases: readonly KernelCase[] = [
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
          const found = await numbersIn(nearest(x, table, { weight }))
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
