import { decodeNarrow, encodeNarrow, narrowFloats, Rng, Tensor, type UnaryOp } from '@tersor/core-tensor'
import { floatCodes } from '@tersor/core-tensor/host'
import { hadamard, reduce, unary } from '@tersor/core-tensor/reference'
import { installMatchers } from '@tersor/core-tensor/testing'
import { expect, it } from 'vitest'
import { eachNativeDevice, expectSame, LENGTHS, normals } from './test-devices.ts'

installMatchers()

const SPECIALS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  2 ** -149,
  -(2 ** -149),
  2 ** -126 - 2 ** -149,
  2 ** -126,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  1 + 2 ** -23,
  65504,
  65519,
  65520,
  448,
  464,
  465,
  57344,
  61440,
  2 ** -24,
  2 ** -25,
  3 * 2 ** -25,
  2 ** -9,
  2 ** -10,
  2 ** -16,
  2 ** -17,
]

/** Numbers of every magnitude, with ties of the narrow formats among them. */
function anyFloats(seed: number, size: number): Float32Array {
  const rng = new Rng(seed)
  const words = Uint32Array.from({ length: size }, () => {
    const word = (rng.integer(65536) << 16) | rng.integer(65536)
    const kept = [32, 13, 12, 11, 10, 4, 3, 2][rng.integer(8)]!
    return kept === 32 ? word : (word >> (23 - kept)) << (23 - kept)
  })
  return new Float32Array(words.buffer)
}

const narrow = ['float16', 'bfloat16', 'float8e4m3fn', 'float8e5m2'] as const

const inFloat64 = (op: UnaryOp) => (x: number) => Number(unary(op, new Tensor('float64', [x], [1])).data[0])

eachNativeDevice(t => {
  it('convert narrows bit for bit', () => {
    const values = Float32Array.from([...SPECIALS, ...SPECIALS.map(x => -x), ...anyFloats(1, 20_000)])
    for (const type of narrow) {
      const y = t.device.empty(type, [values.length])
      t.run('convert', [y], [t.floats(values)], [values.length, 0, floatCodes[type]])
      const expected = Array.from(values, x => encodeNarrow(x, narrowFloats[type]))
      expectSame(y.data as Uint8Array, expected)
    }
  })

  it('convert widens every code, and keeps the bits of halves that are not numbers', () => {
    for (const type of narrow) {
      const count = type.includes('8e') ? 256 : 65536
      const codes = count === 256 ? new Uint8Array(count) : new Uint16Array(count)
      for (let i = 0; i < count; i++) codes[i] = i
      const x = t.device.upload(new Tensor(type, codes, [count]))
      const y = t.floatsFrom('convert', count, [x], [count, floatCodes[type], 0])
      const expected = Float32Array.from(codes, code => decodeNarrow(code, narrowFloats[type]))
      expectSame(y, expected)
      if (type === 'float16') expect(new Uint32Array(y.buffer, y.byteOffset, count)[0x7c01]).toBe(0x7f802000)
    }
  })

  it('convert between narrow types, of any length, in place', () => {
    for (const size of LENGTHS) {
      const values = anyFloats(2, size)
      const halves = Uint16Array.from(values, x => encodeNarrow(x, narrowFloats.float16))
      const x = t.device.upload(new Tensor('float16', halves, [size]))
      t.run('convert', [x], [x], [size, 1, 2])
      const expected = Array.from(halves, half =>
        encodeNarrow(decodeNarrow(half, narrowFloats.float16), narrowFloats.bfloat16),
      )
      expect(Array.from(x.data as Uint16Array)).toEqual(expected)
    }
  })

  it('unary', () => {
    const formulas: [(x: number) => number, number, number][] = [
      [x => -x, 0, 0],
      [Math.exp, 2e-6, 1e-37],
      [x => (x === Number.NEGATIVE_INFINITY ? -0 : x / (1 + Math.exp(-x))), 2e-6, 1e-37],
      [
        x =>
          x === Number.NEGATIVE_INFINITY
            ? -0
            : x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
        2e-6,
        1e-37,
      ],
      [Math.sqrt, 0, 0],
      [Math.abs, 0, 0],
      [inFloat64('gelu'), 2e-6, 1e-37],
      [Math.tanh, 1e-6, 0],
      [x => 1 / (1 + Math.exp(-x)), 2e-6, 1e-37],
      [x => Math.max(x, 0), 0, 0],
    ]
    const wide = Float32Array.from({ length: 4000 }, (_, i) => (i - 2000) / 16)
    const values = Float32Array.from([...SPECIALS, ...wide, ...anyFloats(3, 5000)])
    for (const [op, [formula, rtol, atol]] of formulas.entries()) {
      const y = t.floatsFrom('unary', values.length, [t.floats(values)], [op, values.length])
      const expected = Float32Array.from(values, formula)
      if (rtol === 0) expectSame(y, expected)
      else expect(y).toBeAllclose(expected, { rtol, atol })
      for (const size of LENGTHS) {
        const x = t.floats(wide.subarray(2000, 2000 + size))
        t.run('unary', [x], [x], [op, size])
        expect(x.data as Float32Array).toBeAllclose(
          Float32Array.from(wide.subarray(2000, 2000 + size), formula),
          { rtol, atol },
        )
      }
    }
    const atBottom = [1, 2, 3, 6, 7, 8, 9].map(
      op => t.floatsFrom('unary', 1, [t.floats([Number.NEGATIVE_INFINITY])], [op, 1])[0],
    )
    expect(atBottom).toEqual([0, -0, -0, -0, -1, 0, 0])
  })

  it('binary, exactly, with every way to advance', () => {
    const formulas = [
      (a: number, b: number) => a + b,
      (a: number, b: number) => a - b,
      (a: number, b: number) => a * b,
      (a: number, b: number) => a / b,
      Math.max,
    ]
    for (const [op, formula] of formulas.entries()) {
      const pairs = SPECIALS.flatMap(a => SPECIALS.map(b => [a, b] as const))
      const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)]
      const size = pairs.length
      const y = t.floatsFrom('binary', size, [t.floats(a), t.floats(b)], [op, 1, size, 0, 1, 0, 1])
      const expected = Float32Array.from(pairs, ([x, y]) => formula(Math.fround(x), Math.fround(y)))
      expectSame(y, expected)
      for (const [outer, inner] of [
        [0, 3],
        [1, 1],
        [3, 17],
        [40, 1000],
        [2, 20_000],
      ] as const) {
        for (const [ao, ai, bo, bi] of [
          [inner, 1, inner, 1],
          [0, 1, 1, 0],
          [1, 0, 0, 1],
          [inner, 1, 0, 0],
        ] as const) {
          const [p, q] = [normals(4, outer * inner + 1), normals(5, outer * inner + 1)]
          const got = t.floatsFrom(
            'binary',
            outer * inner,
            [t.floats(p), t.floats(q)],
            [op, outer, inner, ao, ai, bo, bi],
          )
          const want = new Float32Array(outer * inner)
          for (let o = 0; o < outer; o++)
            for (let i = 0; i < inner; i++)
              want[o * inner + i] = formula(p[o * ao + i * ai]!, q[o * bo + i * bi]!)
          expectSame(got, want)
        }
      }
    }
  })

  it('softmax and rmsNorm', () => {
    for (const columns of LENGTHS.filter(n => n > 0)) {
      const x = normals(columns, 3 * columns)
      const weight = normals(columns + 1, columns)
      const soft = new Float64Array(x.length)
      const norm = new Float64Array(x.length)
      for (let row = 0; row < 3; row++) {
        const values = Array.from(x.subarray(row * columns, (row + 1) * columns))
        const max = Math.max(...values)
        const sum = values.reduce((s, v) => s + Math.exp(v - max), 0)
        const squares = values.reduce((s, v) => s + v * v, 0)
        for (const [i, v] of values.entries()) {
          soft[row * columns + i] = Math.exp(v - max) / sum
          norm[row * columns + i] = (v / Math.sqrt(squares / columns + 1e-5)) * weight[i]!
        }
      }
      expect(t.floatsFrom('softmax', x.length, [t.floats(x)], [3, columns])).toBeAllclose(soft, {
        rtol: 2e-6,
        atol: 1e-9,
      })
      expect(
        t.floatsFrom('rmsNorm', x.length, [t.floats(x), t.floats(weight)], [3, columns, 1e-5]),
      ).toBeAllclose(norm, { rtol: 3e-6, atol: 1e-7 })
    }
    const edge = t.floats([-Infinity, -Infinity, 1e38, 1e38, -Infinity, 7, Number.NaN, -Infinity])
    expect(Array.from(t.floatsFrom('softmax', 8, [edge], [4, 2]))).toEqual([
      0,
      0,
      0.5,
      0.5,
      0,
      1,
      Number.NaN,
      Number.NaN,
    ])
    const large = t.floatsFrom(
      'rmsNorm',
      4,
      [t.floats([3e30, 4e30, 1e-30, -1e-30]), t.floats([1, 1])],
      [2, 2, 0],
    )
    expect(large).toBeAllclose([0.6 * Math.SQRT2, 0.8 * Math.SQRT2, 1, -1], { rtol: 1e-6 })
  })

  it('layerNorm, with a bias and without, also where float32 is not at ease', () => {
    for (const columns of LENGTHS.filter(n => n > 0)) {
      const x = normals(columns, 3 * columns).map(v => v + 3)
      const [weight, bias] = [normals(columns + 1, columns), normals(columns + 2, columns)]
      for (const added of [undefined, bias]) {
        const expected = Float64Array.from(x, (v, i) => {
          const row = Array.from(x.subarray(i - (i % columns), i - (i % columns) + columns))
          const mean = row.reduce((s, a) => s + a, 0) / columns
          const variance = row.reduce((s, a) => s + (a - mean) ** 2, 0) / columns
          return (
            ((v - mean) / Math.sqrt(variance + 1e-5)) * weight[i % columns]! + (added?.[i % columns] ?? 0)
          )
        })
        const inputs = [t.floats(x), t.floats(weight), added && t.floats(added)]
        const y = t.floatsFrom('layerNorm', x.length, inputs, [3, columns, 1e-5])
        expect(y).toBeAllclose(expected, { rtol: 1e-5, atol: 2e-6 })
      }
    }
    const rows = t.floats([3e30, 5e30, 1e-30, -1e-30, 4096.5, 4095.5])
    const edge = t.floatsFrom('layerNorm', 6, [rows, t.floats([1, 1]), undefined], [3, 2, 0])
    expect(edge).toBeAllclose([-1, 1, 1, -1, 1, -1], { rtol: 1e-6 })
  })

  it('rotate turns pairs and passes the rest', () => {
    for (const [headDim, pairs, near, far] of [
      [7, 3, 1, 3],
      [7, 3, 2, 1],
      [64, 32, 1, 32],
      [64, 16, 2, 1],
      [40, 16, 1, 16],
    ] as const) {
      const [rows, tokens] = [10, 5]
      const x = normals(6, rows * headDim)
      const angles = normals(7, tokens * pairs)
      const [cos, sin] = [Float32Array.from(angles, Math.cos), Float32Array.from(angles, Math.sin)]
      const expected = Float64Array.from(x)
      for (let row = 0; row < rows; row++) {
        for (let p = 0; p < pairs; p++) {
          const i = row * headDim + p * near
          const at = (row % tokens) * pairs + p
          expected[i] = x[i]! * cos[at]! - x[i + far]! * sin[at]!
          expected[i + far] = x[i]! * sin[at]! + x[i + far]! * cos[at]!
        }
      }
      const y = t.floats(x)
      t.run('rotate', [y], [y, t.floats(cos), t.floats(sin)], [rows, tokens, headDim, pairs, near, far, 1])
      expect(y.data as Float32Array).toBeAllclose(expected, { rtol: 1e-6, atol: 1e-6 })
    }
  })

  it('reduce', () => {
    for (const [outer, length, inner] of [
      [2, 257, 1],
      [3, 5, 65],
      [1, 0, 3],
      [2, 0, 1],
      [2, 700, 40],
      [1, 20_000, 1],
      [1, 1, 1],
    ] as const) {
      const x = normals(8, outer * length * inner)
      for (const [op, name] of (['sum', 'max', 'absMax', 'sumSquares'] as const).entries()) {
        const y = t.floatsFrom('reduce', outer * inner, [t.floats(x)], [op, outer, length, inner])
        const want = reduce(name, new Tensor('float32', x, [outer, length, inner]), { axis: 1 })
          .data as Float32Array
        if (op === 1 || op === 2) expect(y).toEqual(want)
        else expect(y).toBeAllclose(want, { rtol: 2e-6, atol: 2e-5 })
      }
    }
    for (const inner of [1, 9]) {
      for (const a of SPECIALS) {
        for (const b of SPECIALS) {
          const x = t.floats([...Array(inner).fill(a), ...Array(inner).fill(b)])
          const want = [
            Math.max(Math.fround(a), Math.fround(b)),
            Math.max(Math.abs(Math.fround(a)), Math.abs(Math.fround(b))),
          ]
          for (const op of [1, 2])
            expect(Object.is(t.floatsFrom('reduce', inner, [x], [op, 1, 2, inner])[0], want[op - 1])).toBe(
              true,
            )
        }
      }
    }
  })

  it('topK: the first of equals, NaN last', () => {
    const rng = new Rng(9)
    for (const n of LENGTHS) {
      for (const k of new Set([0, 1, n >> 1, n])) {
        if (k > n) continue
        const values = Float32Array.from(
          { length: 2 * n },
          () => [Number.NaN, -0, 0, ...[1, 2, 3].map(() => rng.integer(9) - 4)][rng.integer(6)]!,
        )
        const [best, at] = [t.device.empty('float32', [2 * k]), t.device.empty('int32', [2 * k])]
        t.run('topK', [best, at], [t.floats(values)], [2, n, k])
        for (const row of [0, 1]) {
          const numbers = values.subarray(row * n, (row + 1) * n)
          const key = (i: number) => (Number.isNaN(numbers[i]) ? -Infinity : numbers[i]!)
          const order = Array.from(numbers.keys())
            .sort((a, b) => key(b) - key(a) || a - b)
            .slice(0, k)
          expect(Array.from((at.data as Int32Array).subarray(row * k, (row + 1) * k))).toEqual(order)
          expect(Array.from((best.data as Float32Array).subarray(row * k, (row + 1) * k))).toEqual(
            order.map(i => numbers[i]!),
          )
        }
      }
    }
  })

  it('transpose', () => {
    for (const [outer, a, b, inner] of [
      [1, 1, 1, 1],
      [2, 33, 70, 1],
      [1, 100, 7, 3],
      [3, 0, 4, 1],
      [1, 64, 64, 1],
    ] as const) {
      const x = normals(10, outer * a * b * inner)
      const want = new Float32Array(x.length)
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < a; i++)
          for (let j = 0; j < b; j++)
            for (let e = 0; e < inner; e++)
              want[((o * b + j) * a + i) * inner + e] = x[((o * a + i) * b + j) * inner + e]!
      expect(t.floatsFrom('transpose', x.length, [t.floats(x)], [outer, a, b, inner])).toEqual(want)
    }
  })

  it('hadamard, bit for bit', () => {
    for (const n of [1, 2, 3, 4, 6, 8, 12, 16, 32, 48, 64, 96, 256, 1024]) {
      const x = normals(11, 3 * n)
      const signs = Float32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? -1 : 1))
      for (const inverse of [false, true]) {
        for (const flip of [undefined, signs]) {
          const y = t.floatsFrom(
            'hadamard',
            x.length,
            [t.floats(x), flip && t.floats(flip)],
            [3, n, Number(inverse)],
          )
          const options =
            flip === undefined ? { inverse } : { inverse, signs: new Tensor('float32', flip, [n]) }
          expect(y).toEqual(hadamard(new Tensor('float32', x, [3, n]), options).data)
        }
      }
    }
  })

  it('unpackBits', () => {
    const rng = new Rng(12)
    for (let bits = 1; bits <= 16; bits++) {
      for (const columns of LENGTHS) {
        const rowBytes = Math.ceil((columns * bits) / 8)
        const codes = Array.from({ length: 2 * columns }, () => rng.integer(2 ** bits))
        const packed = new Uint8Array(2 * rowBytes)
        for (const [i, code] of codes.entries()) {
          const bit = Math.floor(i / columns) * rowBytes * 8 + (i % columns) * bits
          for (let j = 0; j < bits; j++) packed[(bit + j) >> 3]! |= ((code >> j) & 1) << ((bit + j) & 7)
        }
        for (const bytes of bits > 8 ? [2] : [1, 2]) {
          const y = t.device.empty(bytes === 1 ? 'uint8' : 'uint16', [2 * columns])
          t.run('unpackBits', [y], [t.bytes(packed)], [2, columns, bits, bytes])
          expectSame(y.data as Uint8Array, codes)
        }
      }
    }
  })
})
