import { expect } from 'vitest'
import type { BinaryOp, UnaryOp } from '../../../device/kernels.ts'
import { binary } from '../../../reference/binary.ts'
import { unary } from '../../../reference/unary.ts'
import { Rng } from '../../../rng.ts'
import type { DType } from '../../../tensor/dtype.ts'
import type { KernelCase } from '../../describe-device.ts'
import {
  type Expectation,
  expectElements,
  normals,
  numbersIn,
  random,
  SIZES,
  SPECIALS,
  upload,
} from '../fixtures.ts'

const floats: readonly DType[] = ['float64', 'float32', 'float16', 'bfloat16', 'float8e4m3fn', 'float8e5m2']

const binaryFormulas: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : a > b || (a === b && Object.is(b, -0)) ? a : b),
}

const unaryFormulas: Record<UnaryOp, (x: number) => number> = {
  neg: x => -x,
  abs: x => Math.sqrt(x * x),
  sqrt: Math.sqrt,
  exp: x => Math.E ** x,
  silu: x => (x === -Infinity ? 0 : x / (1 + Math.E ** -x)),
  sigmoid: x => 1 / (1 + Math.E ** -x),
  tanh: x => (Math.abs(x) < 1e-4 ? x - x ** 3 / 3 : 1 - 2 / (1 + Math.E ** (2 * x))),
  relu: x => (x > 0 || Number.isNaN(x) ? x : 0),
  gelu: x => (x === -Infinity ? 0 : x * (x < 0 ? upperTail(-x) : 1 - upperTail(x))),
  geluTanh: x =>
    x === -Infinity ? 0 : x / (1 + Math.E ** (-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
}

/** The share of a standard normal distribution above t ≥ 0: what Simpson's rule leaves of a half. */
function upperTail(t: number): number {
  if (t > 12) return 0
  const steps = 1000
  const width = t / steps
  let sum = 0
  for (let i = 0; i <= steps; i++)
    sum += (i === 0 || i === steps ? 1 : i % 2 === 0 ? 2 : 4) * Math.E ** (-((i * width) ** 2) / 2)
  return 0.5 - (sum * width) / 3 / Math.sqrt(2 * Math.PI)
}

/** Exact operations are rounded once; the others may differ by a few units of float32. */
const tolerances: Record<UnaryOp, { rtol?: number | undefined; atol?: number | undefined }> = {
  neg: {},
  abs: {},
  sqrt: {},
  exp: { rtol: 2e-6 },
  silu: { rtol: 2e-6, atol: 1e-7 },
  sigmoid: { rtol: 2e-6, atol: 1e-7 },
  tanh: { rtol: 2e-6, atol: 1e-7 },
  relu: {},
  gelu: { rtol: 2e-6, atol: 1e-7 },
  geluTanh: { rtol: 4e-6, atol: 1e-6 },
}

const result = (type: DType) => (type === 'float64' ? 'float64' : 'float32')

function exactly(type: DType, dims: readonly number[]): Expectation {
  return { dims, type: result(type) }
}

const binaryCases = (Object.keys(binaryFormulas) as BinaryOp[]).flatMap((op): KernelCase[] => {
  const formula = binaryFormulas[op]
  return [
    ...floats.map(
      (type): KernelCase => ({
        kernel: 'binary',
        name: `${op} of ${type}, exactly, in many sizes`,
        // Division and small types may be approximate or missing on graphics cards.
        hostOnly: type !== 'float32' || op === 'div',
        async run(device) {
          for (const size of SIZES) {
            const rng = new Rng(size + 11)
            const a = random(device, rng, [size], type)
            const b = random(device, rng, [size], type)
            const right = await numbersIn(b)
            const expected = (await numbersIn(a)).map((x, i) => formula(x, right[i]!))
            await expectElements(binary(op, a, b), expected, exactly(type, [size]))
          }
        },
      }),
    ),
    {
      kernel: 'binary',
      name: `${op} with broadcasting`,
      hostOnly: op === 'div',
      async run(device) {
        const rng = new Rng(12)
        for (const [left, right, dims] of [
          [
            [3, 1],
            [1, 5],
            [3, 5],
          ],
          [[4], [2, 3, 4], [2, 3, 4]],
          [
            [2, 3, 4],
            [3, 1],
            [2, 3, 4],
          ],
          [[], [7], [7]],
          [[1], [0, 3], [0, 3]],
        ] as const) {
          const a = random(device, rng, left)
          const b = random(device, rng, right)
          const [x, y] = [await numbersIn(a), await numbersIn(b)]
          const expected = broadcastPairs(left, right, dims).map(([i, j]) => formula(x[i]!, y[j]!))
          await expectElements(binary(op, a, b), expected, { dims })
        }
      },
    },
    {
      kernel: 'binary',
      name: `${op} of special numbers, every pair`,
      hostOnly: true,
      async run(device) {
        const n = SPECIALS.length
        const y = binary(
          op,
          upload(device, 'float32', [n, 1], SPECIALS),
          upload(device, 'float32', [1, n], SPECIALS),
        )
        const expected = SPECIALS.flatMap(a => SPECIALS.map(b => formula(a, b)))
        await expectElements(y, expected, { dims: [n, n] })
      },
    },
  ]
})

const unaryCases = (Object.keys(unaryFormulas) as UnaryOp[]).flatMap((op): KernelCase[] => [
  ...floats.map(
    (type): KernelCase => ({
      kernel: 'unary',
      name: `${op} of ${type} in many sizes`,
      hostOnly: type !== 'float32' || op === 'sqrt',
      async run(device) {
        for (const size of SIZES) {
          const values = normals(new Rng(size + 13), size).map(x => (op === 'sqrt' ? x * x : 3 * x))
          const x = upload(device, type, [size], values)
          const expected = (await numbersIn(x)).map(unaryFormulas[op])
          await expectElements(unary(op, x), expected, { ...exactly(type, [size]), ...tolerances[op] })
        }
      },
    }),
  ),
  {
    kernel: 'unary',
    name: `${op} of special numbers makes no NaN of its own`,
    hostOnly: true,
    async run(device) {
      const inputs = SPECIALS.filter(x => op !== 'sqrt' || !(x < 0))
      const y = unary(op, upload(device, 'float32', [inputs.length], inputs))
      const expected = inputs.map(x =>
        op === 'abs' ? Math.abs(x) : op === 'sqrt' ? Math.sqrt(x) : unaryFormulas[op](x),
      )
      await expectElements(y, expected.map(Math.fround), { dims: [inputs.length], ...tolerances[op] })
    },
  },
])

export const unaryBinaryCases: readonly KernelCase[] = [
  ...binaryCases,
  ...unaryCases,
  {
    kernel: 'binary',
    name: 'into an operand, and added to it',
    async run(device) {
      const a = upload(device, 'float32', [3], [1, 2, 3])
      const b = upload(device, 'float32', [3], [10, 20, 30])
      expect(binary('add', a, b, { out: a })).toBe(a)
      await expectElements(a, [11, 22, 33], { dims: [3] })
      binary('mul', a, b, { out: b, accumulate: true })
      await expectElements(b, [120, 460, 1020], { dims: [3] })
      binary('sub', a, a, { out: a })
      await expectElements(a, [0, 0, 0], { dims: [3] })
    },
  },
  {
    kernel: 'binary',
    name: 'accumulates in the precision of out',
    hostOnly: true,
    async run(device) {
      const one = upload(device, 'float32', [1], [1])
      const big = upload(device, 'float64', [1], [2 ** 40 + 0.5])
      binary('mul', one, one, { out: big, accumulate: true })
      await expectElements(big, [2 ** 40 + 1.5], { dims: [1], type: 'float64' })
    },
  },
  {
    kernel: 'unary',
    name: 'into its operand, and added to it',
    async run(device) {
      const x = upload(device, 'float32', [3], [-1, 2, -3])
      unary('abs', x, { out: x })
      await expectElements(x, [1, 2, 3], { dims: [3] })
      unary('neg', x, { out: x, accumulate: true })
      await expectElements(x, [0, 0, 0], { dims: [3] })
    },
  },
]

/** For every element of the broadcast shape, the flat indices of its two operands. */
function broadcastPairs(
  left: readonly number[],
  right: readonly number[],
  dims: readonly number[],
): [number, number][] {
  const flat = (operand: readonly number[], coordinates: readonly number[]) =>
    operand.reduce(
      (at, dim, i) => at * dim + (dim === 1 ? 0 : coordinates[i + dims.length - operand.length]!),
      0,
    )
  return Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => {
    const coordinates: number[] = []
    for (const dim of [...dims].reverse()) {
      coordinates.unshift(i % dim)
      i = Math.floor(i / dim)
    }
    return [flat(left, coordinates), flat(right, coordinates)]
  })
}
