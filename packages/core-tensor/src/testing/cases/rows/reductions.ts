import { expect } from 'vitest'
import type { ReduceOp } from '../../../device/kernels.ts'
import { layerNorm } from '../../../reference/layer-norm.ts'
import { reduce } from '../../../reference/reduce.ts'
import { rmsNorm } from '../../../reference/rms-norm.ts'
import { softmax } from '../../../reference/softmax.ts'
import { Rng } from '../../../rng.ts'
import { sizeOf } from '../../../tensor/dims.ts'
import type { KernelCase } from '../../describe-device.ts'
import { columnsOf, expectElements, normals, numbersIn, random, SIZES, upload } from '../fixtures.ts'

const { fround } = Math

const folds: Record<ReduceOp, (column: readonly number[]) => number> = {
  sum: column => column.reduce((a, b) => a + b, 0),
  sumSquares: column => column.reduce((a, b) => a + b * b, 0),
  max: column => column.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), -Infinity),
  absMax: column => column.reduce((a, b) => (Math.abs(b) > a || Number.isNaN(b) ? Math.abs(b) : a), 0),
}

const exactFolds: readonly ReduceOp[] = ['max', 'absMax']

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
  ...[false, true].map(
    (biased): KernelCase => ({
      kernel: 'layerNorm',
      name: `rows of many lengths${biased ? ', with a bias' : ''}`,
      async run(device) {
        for (const d of SIZES) {
          const rng = new Rng(d + 25)
          const x = upload(
            device,
            'float32',
            [2, 3, d],
            normals(rng, 6 * d).map(value => 2 * value + 3),
          )
          const [weight, bias] = [random(device, rng, [d]), random(device, rng, [d])]
          const [gain, added] = [await numbersIn(weight), await numbersIn(bias)]
          const expected = columnsOf(await numbersIn(x), [2, 3, d], 2).flatMap(row => {
            const mean = folds.sum(row) / d
            const variance = folds.sumSquares(row.map(value => value - mean)) / d
            return row.map(
              (value, i) =>
                ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[i]! + (biased ? added[i]! : 0),
            )
          })
          const options = { epsilon: 1e-5, bias: biased ? bias : undefined }
          const close = { dims: [2, 3, d], rtol: 1e-5, atol: 2e-6 }
          await expectElements(layerNorm(x, weight, options), expected, close)
          const out = upload(device, 'float32', [2, 3, d], new Float64Array(6 * d).fill(1))
          const sums = expected.map(value => value + 1)
          await expectElements(layerNorm(x, weight, { ...options, out, accumulate: true }), sums, close)
          await expectElements(layerNorm(x, weight, { ...options, out: x }), expected, close)
        }
      },
    }),
  ),
  {
    kernel: 'layerNorm',
    name: 'loses nothing to a mean far from 0',
    async run(device) {
      // In steps that float32 holds at 4096 and whose squares it adds exactly.
      const values = Float64Array.from({ length: 64 }, (_, i) => 4096 + (i % 2 === 0 ? 0.5 : -0.5))
      const x = upload(device, 'float32', [1, 64], values)
      const ones = upload(device, 'float32', [64], new Float64Array(64).fill(1))
      const expected = values.map(value => 2 * (value - 4096))
      await expectElements(layerNorm(x, ones, { epsilon: 0 }), expected, { dims: [1, 64], rtol: 3e-6 })
    },
  },
]
