import { type DType, Rng, Tensor, type UnaryOp } from '@tersor/core-tensor'
import { floatCodes, unaryOps } from '@tersor/core-tensor/host'
import { cast, unary } from '@tersor/core-tensor/reference'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRelaxedSimd } from './features.ts'
import { createWasmDevice, type WasmDevice, type WasmDeviceOptions } from './index.ts'

const { fround } = Math

const modes: Record<string, WasmDeviceOptions> = {
  simd: { simd: 'simd', threads: 1 },
  'two threads': { simd: 'simd', threads: 2 },
  debug: { simd: 'simd', threads: 1, debug: true },
  ...(hasRelaxedSimd() ? { relaxed: { simd: 'relaxed', threads: 1 } } : {}),
}

describe.each(Object.entries(modes))('primitives, %s', (_, options) => {
  let device: WasmDevice
  beforeAll(async () => {
    device = await createWasmDevice(options)
    await device.startThreads()
  })
  afterAll(() => device.dispose())

  const floats = (values: ArrayLike<number>, dims = [values.length]) =>
    device.upload(new Tensor('float32', Float32Array.from(values), dims))
  const normals = (rng: Rng, size: number) => Float32Array.from({ length: size }, () => rng.normal())

  it('gemm in order has the bits of its definition for all flags, also added to c', () => {
    const rng = new Rng(1)
    for (const [m, n, k] of [
      [1, 1, 1],
      [1, 33, 65],
      [2, 3, 7],
      [5, 65, 17],
      [66, 70, 33],
      [4, 1030, 10],
      [9, 9, 600],
      [3, 4, 0],
    ] as const) {
      for (let flags = 8; flags < 16; flags++) {
        const [a, b, before] = [normals(rng, m * k), normals(rng, k * n), normals(rng, m * n)]
        const c = floats(before)
        device.primitives.run('gemm', [c], [floats(a), floats(b)], [1, m, n, k, m * k, k * n, m * n, flags])
        const expected = before.map((value, at) => {
          const [i, j] = [Math.floor(at / n), at % n]
          let sum = 0
          for (let p = 0; p < k; p++) {
            const x = a[flags & 1 ? p * m + i : i * k + p]!
            const y = b[flags & 2 ? j * k + p : p * n + j]!
            sum = fround(sum + fround(x * y))
          }
          return flags & 4 ? fround(sum + value) : sum
        })
        expect(bits(c), `${m} ${n} ${k} ${flags}`).toEqual(new Uint32Array(expected.buffer))
      }
    }
  })

  it('gemm batches with strides, and adds', () => {
    const rng = new Rng(2)
    const [m, n, k] = [3, 5, 7]
    const [a, b, c] = [normals(rng, m * k), normals(rng, 4 * k * n), normals(rng, 4 * m * n)]
    const y = floats(c)
    device.primitives.run('gemm', [y], [floats(a), floats(b)], [4, m, n, k, 0, k * n, m * n, 4])
    const expected = c.map((value, at) => {
      const [batch, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n]
      for (let p = 0; p < k; p++) value += a[i * k + p]! * b[batch * k * n + p * n + j]!
      return value
    })
    expectClose(y, expected, 1e-5)
  })

  it('convert is cast, for every bit pattern of the narrow types and a range of float32', () => {
    const types = Object.keys(floatCodes) as (keyof typeof floatCodes)[]
    const rng = new Rng(3)
    for (const from of types) {
      const patterns = from === 'float32' ? 70_001 : from.startsWith('float8') ? 256 : 65_536
      const words = Uint32Array.from({ length: patterns }, (_, i) =>
        from !== 'float32' ? i : i < 40_000 ? rng.integer(2 ** 32) : tie(i),
      )
      const HostArray =
        from === 'float32' ? Uint32Array : from.startsWith('float8') ? Uint8Array : Uint16Array
      const source = new Tensor(from, HostArray.from(words), [patterns])
      const x = device.upload(source)
      for (const to of types) {
        if (to === from) continue
        const y = device.empty(to, [patterns])
        device.primitives.run('convert', [y], [x], [patterns, floatCodes[from], floatCodes[to]])
        expectSame(y, cast(source, to), `${from} to ${to}`)
      }
    }
  })

  it('exp, silu, both gelus, tanh and sigmoid keep to their bounds over all of float32', () => {
    const rng = new Rng(4)
    const x = Float32Array.from({ length: 40_000 }, (_, i) =>
      i < 20_000 ? (rng.uniform() - 0.5) * 200 : rng.normal() * 10 ** (rng.integer(12) - 8),
    )
    const sigmoid = (t: number) => 1 / (1 + Math.exp(-t))
    const formulas = {
      exp: Math.exp,
      silu: (t: number) => t * sigmoid(t),
      geluTanh: (t: number) => t * sigmoid(2 * Math.sqrt(2 / Math.PI) * (t + 0.044715 * t ** 3)),
      gelu: (t: number) => Number(unary('gelu', new Tensor('float64', [t], [1])).data[0]),
      tanh: Math.tanh,
      sigmoid,
    }
    for (const [op, formula] of Object.entries(formulas)) {
      const y = device.empty('float32', [x.length])
      device.primitives.run('unary', [y], [floats(x)], [unaryOps.indexOf(op as UnaryOp), x.length])
      const actual = y.data as Float32Array
      for (const [at, value] of x.entries()) {
        const exact = formula(value)
        if (Math.abs(exact) > 3.4e38) {
          expect(actual[at]).toBe(Infinity)
          continue
        }
        const error = Math.abs(actual[at]! - exact)
        if (error > 2e-6 * Math.abs(exact) && error > 1e-37)
          expect.fail(`${op} of ${value}: ${actual[at]}, not ${exact}`)
      }
    }
  })

  it('topK orders ties, NaN and infinities for any k', () => {
    const rng = new Rng(5)
    for (const [n, k] of [
      [1, 1],
      [40, 40],
      [1000, 7],
      [1000, 999],
      [5, 0],
    ] as const) {
      const x = Float32Array.from({ length: 2 * n }, () =>
        rng.integer(9) === 0 ? [NaN, Infinity, -Infinity, -0, 0][rng.integer(5)]! : rng.integer(50),
      )
      const [values, indices] = [device.empty('float32', [2, k]), device.empty('int32', [2, k])]
      device.primitives.run('topK', [values, indices], [floats(x)], [2, n, k])
      for (let row = 0; row < 2; row++) {
        const numbers = [...x.subarray(row * n, (row + 1) * n)]
        const order = numbers
          .map((_, i) => i)
          .sort((i, j) => {
            const [a, b] = [numbers[i]!, numbers[j]!]
            if (Number.isNaN(a) || Number.isNaN(b))
              return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || i - j
            return a === b ? i - j : b - a
          })
          .slice(0, k)
        expect([...(indices.data as Int32Array).subarray(row * k, (row + 1) * k)]).toEqual(order)
        expect([...(values.data as Float32Array).subarray(row * k, (row + 1) * k)]).toEqual(
          order.map(i => numbers[i]),
        )
      }
    }
  })

  it('attention over codes of 8 and 4 bits is attention over what they stand for', () => {
    const rng = new Rng(6)
    const shapes = [
      { heads: 4, kvHeads: 2, queries: 1, headDim: 64, length: 300, capacity: 310 },
      { heads: 2, kvHeads: 2, queries: 40, headDim: 32, length: 150, capacity: 150 },
      { heads: 3, kvHeads: 1, queries: 2, headDim: 20, length: 9, capacity: 11 },
    ]
    for (const shape of shapes) {
      for (const [type, width, group, scaleType, shiftKind] of [
        [2, 8, 32, 'float32', 0],
        [2, 8, 20, 'float16', 1],
        [2, 8, 64, 'float16', 2],
        [3, 4, 32, 'float16', 1],
        [3, 4, 10, 'float32', 2],
        [3, 4, 64, 'float16', 3],
      ] as const) {
        const constant = shiftKind === 3 ? 2 ** width / 2 : 0
        const cache = () => codesOf(rng, { ...shape, width, group, scaleType, shiftKind, constant })
        const [k, v] = [cache(), cache()]
        const { heads, kvHeads, queries, headDim, length, capacity } = shape
        const q = normals(rng, heads * queries * headDim)
        const o = device.empty('float32', [heads, queries, headDim])
        const up = (tensor: Tensor) => device.upload(tensor)
        const maybe = (tensor: Tensor | undefined) => tensor && device.upload(tensor)
        device.primitives.run(
          'attention',
          [o, undefined],
          [
            floats(q),
            up(k.codes),
            up(v.codes),
            up(k.scale),
            up(v.scale),
            maybe(k.shift),
            maybe(v.shift),
            undefined,
          ],
          // biome-ignore format: as the signature has them
          [
            heads, kvHeads, queries, headDim, length, capacity, type, group,
            floatCodes[scaleType], shiftKind, constant, headDim ** -0.5, 1, 0, 0,
          ],
        )
        expectClose(o, attend(q, k.values, v.values, shape), 2e-4)
      }
    }
  })

  /** Codes with random numbers of groups, and the values that they stand for. */
  function codesOf(
    rng: Rng,
    given: {
      kvHeads: number
      capacity: number
      headDim: number
      width: number
      group: number
      scaleType: 'float32' | 'float16'
      shiftKind: number
      constant: number
    },
  ) {
    const { kvHeads, capacity, headDim, width, group, scaleType, shiftKind, constant } = given
    const rows = kvHeads * capacity
    const groups = Math.ceil(headDim / group)
    const rowBytes = Math.ceil((headDim * width) / 8)
    const codes = new Uint8Array(rows * rowBytes)
    const numbers = (make: () => number, type: DType) =>
      cast(new Tensor('float32', Float32Array.from({ length: rows * groups }, make), [rows, groups]), type)
    const scale = numbers(() => (rng.uniform() + 0.2) / 2 ** width, scaleType)
    const shift =
      shiftKind === 1
        ? numbers(() => rng.integer(2 ** width), 'uint8')
        : shiftKind === 2
          ? numbers(() => rng.normal(), scaleType)
          : undefined
    const [scales, shifts] = [scale, shift].map(tensor => tensor && cast(tensor, 'float32').data)
    const values = new Float32Array(rows * headDim)
    for (let row = 0; row < rows; row++) {
      for (let d = 0; d < headDim; d++) {
        const code = rng.integer(2 ** width)
        const g = row * groups + Math.floor(d / group)
        codes[row * rowBytes + (width === 8 ? d : d >> 1)]! |= code << (width === 8 ? 0 : (d & 1) * 4)
        const zero = shiftKind === 1 ? Number(shifts![g]) : constant
        values[row * headDim + d] =
          (code - zero) * Number(scales![g]) + (shiftKind === 2 ? Number(shifts![g]) : 0)
      }
    }
    return { codes: new Tensor('uint8', codes, [rows, rowBytes]), scale, shift, values }
  }
})

/** Causal attention by its definition. */
function attend(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  shape: {
    heads: number
    kvHeads: number
    queries: number
    headDim: number
    length: number
    capacity: number
  },
): number[] {
  const { heads, kvHeads, queries, headDim, length, capacity } = shape
  const o: number[] = []
  for (let row = 0; row < heads * queries; row++) {
    const base = Math.floor(((row / queries) | 0) / (heads / kvHeads)) * capacity * headDim
    const seen = length - queries + (row % queries) + 1
    const scores = Array.from({ length: seen }, (_, j) => {
      let dot = 0
      for (let d = 0; d < headDim; d++) dot += q[row * headDim + d]! * k[base + j * headDim + d]!
      return dot * headDim ** -0.5
    })
    const most = Math.max(...scores)
    const weights = scores.map(score => Math.exp(score - most))
    const total = weights.reduce((a, b) => a + b, 0)
    for (let d = 0; d < headDim; d++) {
      o.push(weights.reduce((sum, weight, j) => sum + (weight / total) * v[base + j * headDim + d]!, 0))
    }
  }
  return o
}

/** Float32 bits near the middle between two numbers of a narrow type. */
function tie(i: number): number {
  const exponent = 100 + (i % 60)
  const mantissa = ((i >> 2) & 0x7ff) << 12
  return ((i & 1) * 2 ** 31 + exponent * 2 ** 23 + mantissa + ((i % 3) - 1)) >>> 0
}

function bits(x: Tensor): Uint32Array {
  const { buffer, byteOffset, length } = x.data as Float32Array
  return new Uint32Array(buffer, byteOffset, length).slice()
}

/** Byte for byte, all NaNs taken for one. */
function expectSame(actual: Tensor, expected: Tensor, name: string): void {
  const [a, b] = [actual.data, expected.data]
  for (let i = 0; i < a.length; i++) {
    const equal = a instanceof Float32Array ? Object.is(a[i], b[i]) : a[i] === b[i]
    if (!equal) expect.fail(`${name}: element ${i} is ${a[i]}, not ${b[i]}`)
  }
}

function expectClose(actual: Tensor, expected: ArrayLike<number>, tolerance: number): void {
  const values = actual.data as Float32Array
  for (let i = 0; i < values.length; i++) {
    const error = Math.abs(values[i]! - expected[i]!)
    if (!(error <= tolerance * (1 + Math.abs(expected[i]!))))
      expect.fail(`element ${i} is ${values[i]}, not ${expected[i]}`)
  }
}
