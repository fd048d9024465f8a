import { expect } from 'vitest'
import { gram } from '../../reference/gram.ts'
import { matmul } from '../../reference/matmul.ts'
import { Rng } from '../../rng.ts'
import { reference } from '../../tensor/tensor.ts'
import type { KernelCase } from '../describe-device.ts'
import { expectElements, numbersIn, random, sameBytes, upload } from './fixtures.ts'
import { sharedResult } from './shared-result.ts'

const { fround } = Math

/** m, k, n: nothing, one, odd, around tiles of 4 and blocks of 64, larger. */
const SHAPES: readonly (readonly [m: number, k: number, n: number])[] = [
  [0, 3, 4],
  [3, 0, 4],
  [3, 4, 0],
  [1, 1, 1],
  [1, 65, 33],
  [2, 7, 3],
  [3, 64, 64],
  [4, 5, 6],
  [5, 17, 65],
  [65, 33, 67],
  [130, 128, 129],
]

const randomShapes = (seed: number): (readonly [number, number, number])[] => {
  const rng = new Rng(seed)
  return Array.from(
    { length: 6 },
    () => [1 + rng.integer(40), 1 + rng.integer(90), 1 + rng.integer(90)] as const,
  )
}

interface Layout {
  m: number
  k: number
  n: number
  transposeA: boolean
  transposeB: boolean
}

/** a·b by its definition; `multiplyAdd` says how a sum grows. */
function product(
  a: Float64Array,
  b: Float64Array,
  { m, k, n, transposeA, transposeB }: Layout,
  multiplyAdd = fused,
): Float64Array {
  const layout = [m, k, n, transposeA ? 1 : 0, transposeB ? 1 : 0]
  return sharedResult(multiplyAdd.name, [layout, a, b], () => {
    const c = new Float64Array(m * n)
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let p = 0; p < k; p++) {
          const x = a[transposeA ? p * m + i : i * k + p]!
          const y = b[transposeB ? j * k + p : p * n + j]!
          sum = multiplyAdd(sum, x, y)
        }
        c[i * n + j] = sum
      }
    }
    return c
  })
}

const fused = (sum: number, x: number, y: number) => sum + x * y

const inSequence = (sum: number, x: number, y: number) => fround(sum + fround(x * y))

const FLAGS = [false, true].flatMap(transposeA =>
  [false, true].map(transposeB => ({ transposeA, transposeB })),
)

const matmulCases = (['float32', 'float64', 'float16', 'bfloat16'] as const).map(
  (type): KernelCase => ({
    kernel: 'matmul',
    name: `${type}, every shape and transposition`,
    hostOnly: type !== 'float32',
    async run(device) {
      for (const [m, k, n] of [...SHAPES, ...randomShapes(31)]) {
        for (const flags of FLAGS) {
          const rng = new Rng(m + k + n)
          const a = random(device, rng, flags.transposeA ? [k, m] : [m, k], type)
          const b = random(device, rng, flags.transposeB ? [n, k] : [k, n], type)
          const expected = product(await numbersIn(a), await numbersIn(b), { m, k, n, ...flags })
          const exact = type === 'float64'
          const want = {
            dims: [m, n],
            type: exact ? type : ('float32' as const),
            rtol: exact ? 1e-13 : 1e-5,
            atol: exact ? 1e-13 : 1e-5 * Math.sqrt(k),
          }
          await expectElements(matmul(a, b, flags), expected, want)
        }
      }
    },
  }),
)

export const productCases: readonly KernelCase[] = [
  ...matmulCases,
  {
    kernel: 'matmul',
    name: 'in sequence, bit for bit as defined and as the reference, each row on its own',
    hostOnly: true,
    async run(device) {
      for (const [m, k, n] of [...SHAPES, ...randomShapes(32)]) {
        for (const flags of FLAGS) {
          const rng = new Rng(m + k + n)
          const a = random(device, rng, flags.transposeA ? [k, m] : [m, k])
          const b = random(device, rng, flags.transposeB ? [n, k] : [k, n])
          const options = { ...flags, order: 'sequential' as const }
          const y = matmul(a, b, options)
          const expected = product(await numbersIn(a), await numbersIn(b), { m, k, n, ...flags }, inSequence)
          await expectElements(y, expected, { dims: [m, n] })
          const same = matmul(await a.to(reference), await b.to(reference), options)
          expect(sameBytes(await y.read(), same.data)).toBe(true)
          if (flags.transposeA) continue
          for (const i of new Set([0, m - 1].filter(row => row >= 0 && row < m))) {
            const single = await matmul(a.rows(i, i + 1), b, options).read()
            expect(sameBytes(single, await y.rows(i, i + 1).read())).toBe(true)
          }
        }
      }
    },
  },
  {
    kernel: 'matmul',
    name: 'batches, leading dimensions and vectors',
    async run(device) {
      const rng = new Rng(33)
      const plain = { transposeA: false, transposeB: false }
      const [a, b] = [random(device, rng, [2, 3, 5, 7]), random(device, rng, [2, 3, 7, 4])]
      const [x, y] = [await numbersIn(a), await numbersIn(b)]
      const batched = Array.from({ length: 6 }, (_, i) => [
        ...product(x.subarray(i * 35, (i + 1) * 35), y.subarray(i * 28, (i + 1) * 28), {
          m: 5,
          k: 7,
          n: 4,
          ...plain,
        }),
      ])
      await expectElements(matmul(a, b), batched.flat(), { dims: [2, 3, 5, 4], rtol: 1e-5, atol: 1e-5 })
      const w = random(device, rng, [7, 9])
      const folded = product(x, await numbersIn(w), { m: 30, k: 7, n: 9, ...plain })
      await expectElements(matmul(a, w), folded, { dims: [2, 3, 5, 9], rtol: 1e-5, atol: 1e-5 })
      const vector = matmul(a.reshape([30, 7]).rows(2, 3).reshape([7]), w)
      await expectElements(vector, folded.subarray(18, 27), { dims: [9], rtol: 1e-5, atol: 1e-5 })
    },
  },
  {
    kernel: 'matmul',
    name: 'into an operand, and added to out',
    async run(device) {
      const rng = new Rng(34)
      const [a, b] = [random(device, rng, [9, 9]), random(device, rng, [9, 9])]
      const layout = { m: 9, k: 9, n: 9, transposeA: false, transposeB: true }
      const [x, y] = [await numbersIn(a), await numbersIn(b)]
      const once = product(x, y, layout)
      const sum = once.map((value, i) => value + y[i]!)
      expect(matmul(a, b, { transposeB: true, out: b, accumulate: true })).toBe(b)
      await expectElements(b, sum, { dims: [9, 9], rtol: 1e-5, atol: 1e-5 })
      const next = product(x, await numbersIn(b), layout)
      matmul(a, b, { transposeB: true, out: a })
      await expectElements(a, next, { dims: [9, 9], rtol: 1e-5, atol: 1e-4 })
    },
  },
  {
    kernel: 'matmul',
    name: 'keeps NaN and infinities in their rows and columns',
    hostOnly: true,
    async run(device) {
      const a = upload(device, 'float32', [5, 2], [NaN, 1, Infinity, 1, 1, 1, -0, -0, 1, 2])
      const b = upload(device, 'float32', [2, 5], [1, 1, 1, 1, -1, 2, 2, 2, Infinity, 2])
      const expected = [
        NaN,
        NaN,
        NaN,
        NaN,
        NaN,
        Infinity,
        Infinity,
        Infinity,
        Infinity,
        -Infinity,
        3,
        3,
        3,
        Infinity,
        1,
      ]
      await expectElements(matmul(a, b), [...expected, 0, 0, 0, NaN, 0, 5, 5, 5, Infinity, 3], {
        dims: [5, 5],
      })
    },
  },
  {
    kernel: 'gram',
    name: 'xᵀx of many shapes, added batch by batch',
    async run(device) {
      for (const [samples, d] of [
        [0, 3],
        [3, 0],
        [1, 1],
        [5, 17],
        [65, 66],
        [2, 130],
      ] as const) {
        const x = random(device, new Rng(samples + d), [samples, d])
        const data = await numbersIn(x)
        const layout = { m: d, k: samples, n: d, transposeA: true, transposeB: false }
        const expected = product(data, data, layout)
        const y = gram(x)
        await expectElements(y, expected, { dims: [d, d], rtol: 1e-5, atol: 1e-4 })
        gram(x.reshape([1, samples, d]), { out: y, accumulate: true })
        await expectElements(
          y,
          expected.map(value => 2 * value),
          { dims: [d, d], rtol: 1e-5, atol: 1e-4 },
        )
      }
    },
  },
  {
    kernel: 'gram',
    name: 'in float64 where out is, without loss; in sequence bit for bit',
    hostOnly: true,
    async run(device) {
      const x = random(device, new Rng(36), [65, 9])
      const data = await numbersIn(x)
      const layout = { m: 9, k: 65, n: 9, transposeA: true, transposeB: false }
      const out = device.empty('float64', [9, 9])
      gram(x, { out, accumulate: true })
      gram(x, { out, accumulate: true })
      const expected = product(data, data, layout).map(value => 2 * value)
      await expectElements(out, expected, { dims: [9, 9], type: 'float64', rtol: 1e-14, atol: 1e-14 })
      await expectElements(gram(x, { order: 'sequential' }), product(data, data, layout, inSequence), {
        dims: [9, 9],
      })
    },
  },
]
