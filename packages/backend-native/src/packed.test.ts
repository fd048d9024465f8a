import {
  decodeNarrow,
  encodeNarrow,
  narrowFloats,
  packedRowBytes,
  packRow,
  Rng,
  Tensor,
} from '@tersor/core-tensor'
import { floatCodes, shiftKinds } from '@tersor/core-tensor/host'
import { installMatchers } from '@tersor/core-tensor/testing'
import { expect, it } from 'vitest'
import { eachNativeDevice, normals, type TestDevice } from './test-devices.ts'

installMatchers()

interface Shape {
  rows: number
  columns: number
  bits: number
  group: number
  scaleType: 0 | 1
  shiftKind: 0 | 1 | 2 | 3
}

/** A weight as files hold it, and what it stands for. */
function weightOf(
  t: TestDevice,
  { rows, columns, bits, group, scaleType, shiftKind }: Shape,
  table?: Float32Array,
) {
  const rng = new Rng(rows + columns + bits)
  const groups = Math.ceil(columns / group)
  const numbers = rows * groups
  const codes = Uint8Array.from({ length: rows * columns }, () => rng.integer(2 ** bits))
  const packed = new Uint8Array(rows * packedRowBytes(columns, bits))
  for (let r = 0; r < rows; r++)
    packRow(codes.subarray(r * columns, (r + 1) * columns), bits, packed, r * packedRowBytes(columns, bits))
  const floats = (): { tensor: Tensor; values: number[] } => {
    const values = Array.from({ length: numbers }, () => Math.fround(rng.normal()))
    if (scaleType === 0) return { tensor: t.floats(values), values }
    const halves = Uint16Array.from(values, x => encodeNarrow(x, narrowFloats.float16))
    return {
      tensor: t.device.upload(new Tensor('float16', halves, [numbers])),
      values: Array.from(halves, half => decodeNarrow(half, narrowFloats.float16)),
    }
  }
  const scale = floats()
  const constant = shiftKind === shiftKinds.constantZero ? 2 ** (bits - 1) : 0
  const zeros = Uint8Array.from({ length: numbers }, () => rng.integer(2 ** bits))
  const offset = floats()
  const shift =
    shiftKind === shiftKinds.zero
      ? t.bytes(zeros)
      : shiftKind === shiftKinds.offset
        ? offset.tensor
        : undefined
  const values = Float64Array.from(codes, (code, i) => {
    const g = Math.floor(i / columns) * groups + Math.floor((i % columns) / group)
    const zero = shiftKind === shiftKinds.zero ? zeros[g]! : constant
    const level = table === undefined ? code - zero : table[code]! - zero
    return level * scale.values[g]! + (shiftKind === shiftKinds.offset ? offset.values[g]! : 0)
  })
  return { codes: t.bytes(packed), scale: scale.tensor, shift, constant, values }
}

function shapes(): Shape[] {
  const all: Shape[] = []
  for (const bits of [1, 2, 3, 4, 5, 6, 7, 8]) {
    for (const [rows, columns, group] of [
      [1, 1, 32],
      [17, 64, 32],
      [16, 100, 32],
      [33, 257, 64],
      [5, 40, 8],
      [20, 700, 1000],
      [3, 96, 16],
    ] as const) {
      for (const shiftKind of [0, 1, 2, 3] as const) {
        all.push({ rows, columns, bits, group, scaleType: ((rows + shiftKind) % 2) as 0 | 1, shiftKind })
      }
    }
  }
  return all
}

const scalarsOf = ({ rows, columns, bits, group, scaleType, shiftKind }: Shape) => [
  rows,
  columns,
  bits,
  group,
  scaleType,
  shiftKind,
]

function packed(t: TestDevice, shape: Shape, weight: ReturnType<typeof weightOf>): Tensor | undefined {
  const [rows, columns, bits, group, scaleType, shiftKind] = scalarsOf(shape)
  const size = t.device.primitives.packedBytes(rows!, columns!, bits!, group!, scaleType!, shiftKind!)
  if (size === 0) return undefined
  const stream = t.device.empty('uint8', [size])
  t.run('pack', [stream], [weight.codes, weight.scale, weight.shift], scalarsOf(shape))
  return stream
}

eachNativeDevice(t => {
  it('pack and unpack, byte for byte', () => {
    let offered = 0
    for (const shape of shapes()) {
      const weight = weightOf(t, shape)
      const stream = packed(t, shape, weight)
      if (stream === undefined) continue
      offered++
      const groups = Math.ceil(shape.columns / shape.group)
      for (const [start, end] of [
        [0, shape.rows],
        [shape.rows >> 1, shape.rows],
        [0, 0],
      ] as const) {
        const rowBytes = packedRowBytes(shape.columns, shape.bits)
        const codes = t.device.empty('uint8', [(end - start) * rowBytes])
        const scale = t.device.empty(weight.scale.type, [(end - start) * groups])
        const shift = weight.shift && t.device.empty(weight.shift.type, [(end - start) * groups])
        t.run('unpack', [codes, scale, shift], [stream], [...scalarsOf(shape), start, end])
        const part = (of: Tensor) => of.reshape([shape.rows, of.size / shape.rows]).rows(start, end).data
        expect(Buffer.compare(codes.data as Uint8Array, part(weight.codes) as Uint8Array)).toBe(0)
        expect(scale.data).toEqual(part(weight.scale))
        if (shift) expect(shift.data).toEqual(part(weight.shift!))
      }
    }
    expect(offered).toBeGreaterThan(150)
  })

  it('linearPacked, one row and many, in both precisions', () => {
    for (const shape of shapes()) {
      const tables =
        shape.bits <= 4 && shape.shiftKind % 3 === 0 ? [undefined, normals(9, 2 ** shape.bits)] : [undefined]
      for (const table of tables) {
        const weight = weightOf(t, shape, table)
        const stream = packed(t, shape, weight)
        if (stream === undefined) continue
        const { rows: n, columns: k, group } = shape
        for (const m of [1, 2, 3, 4, 7, 10, 21]) {
          const x = normals(m, m * k)
          const expected = new Float64Array(m * n)
          // What rounding the activations of each group may change: half a step of each.
          const rounding = new Float64Array(m * n)
          for (let i = 0; i < m; i++) {
            for (let j = 0; j < n; j++) {
              let [sum, error] = [0, 0]
              for (let g = 0; g < k; g += group) {
                let [max, weights] = [0, 0]
                for (let p = g; p < Math.min(k, g + group); p++) {
                  sum += x[i * k + p]! * weight.values[j * k + p]!
                  max = Math.max(max, Math.abs(x[i * k + p]!))
                  weights += Math.abs(weight.values[j * k + p]!) ** 2
                }
                error += (max * max * weights) / 3
              }
              expected[i * n + j] = sum
              rounding[i * n + j] = Math.sqrt(error)
            }
          }
          const size = m * n
          const before = normals(5, size)
          for (const precision of [0, 1]) {
            for (const accumulate of [0, 1]) {
              const y = t.floats(accumulate ? before : before.map(() => Number.NaN))
              t.run(
                'linearPacked',
                [y],
                [t.floats(x), stream, table && t.floats(table)],
                [m, ...scalarsOf(shape), weight.constant, precision, accumulate],
              )
              const got = y.data as Float32Array
              const step = precision === 1 ? 2 ** -7 : table ? 2 ** -14 : 2 ** -22
              for (let i = 0; i < size; i++) {
                const error = Math.abs(got[i]! - expected[i]! - (accumulate ? before[i]! : 0))
                const levels = 2 ** shape.bits * 4
                if (!(error <= 5 * step * rounding[i]! + 1e-6 * levels * Math.sqrt(k)))
                  expect.fail(
                    `${JSON.stringify(shape)} table ${!!table} m ${m} precision ${precision}: element ${i} off by ${error}, allowed ${5 * step * rounding[i]!}, expected ${expected[i]}`,
                  )
              }
            }
          }
        }
      }
    }
  })

  it('linearPacked shows activations that are not finite, and keeps tiny ones', () => {
    const shape: Shape = { rows: 16, columns: 64, bits: 4, group: 32, scaleType: 0, shiftKind: 3 }
    const weight = weightOf(t, shape)
    const stream = packed(t, shape, weight)!
    const x = new Float32Array(128).fill(1e-33)
    x[70] = Number.POSITIVE_INFINITY
    const y = t.floatsFrom(
      'linearPacked',
      32,
      [t.floats(x), stream, undefined],
      [2, ...scalarsOf(shape), 8, 0, 0],
    )
    for (let j = 0; j < 16; j++) {
      const sum = weight.values.subarray(j * 64, (j + 1) * 64).reduce((a, b) => a + b * 1e-33, 0)
      expect(Math.abs(y[j]! - sum)).toBeLessThan(1e-36)
      expect(y[16 + j]).toBeNaN()
    }
  })

  it('linearDense of every float type', () => {
    for (const [type, code] of Object.entries(floatCodes) as [keyof typeof floatCodes, number][]) {
      for (const [m, n, k] of [
        [1, 5, 33],
        [2, 9, 64],
        [4, 3, 1],
        [7, 40, 130],
        [0, 3, 3],
        [33, 17, 700],
      ] as const) {
        const [x, raw] = [normals(m, m * k), normals(n, n * k)]
        const bits =
          type === 'float32' ? undefined : Array.from(raw, v => encodeNarrow(v, narrowFloats[type]))
        const w =
          bits === undefined
            ? raw
            : Float32Array.from(bits, b => decodeNarrow(b, narrowFloats[type as 'float16']))
        const data = bits === undefined ? raw : code > 2 ? Uint8Array.from(bits) : Uint16Array.from(bits)
        const weight = t.device.upload(new Tensor(type, data, [n * k]))
        const expected = dense(x, w, m, n, k)
        const y = t.floats(new Float32Array(m * n).fill(1))
        t.run('linearDense', [y], [t.floats(x), weight], [m, n, k, code, 0])
        expect(y.data as Float32Array).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 * (k + 4) })
        t.run('linearDense', [y], [t.floats(x), weight], [m, n, k, code, 1])
        expect(y.data as Float32Array).toBeAllclose(
          expected.map(v => 2 * v),
          { rtol: 1e-5, atol: 2e-6 * (k + 4) },
        )
      }
    }
  })

  it('linearTwoOfFour', () => {
    const rng = new Rng(3)
    for (const [m, n, k] of [
      [1, 5, 36],
      [2, 9, 64],
      [3, 4, 4],
      [7, 40, 136],
      [33, 17, 704],
    ] as const) {
      for (const valueType of [0, 1]) {
        const values = normals(n, (n * k) / 2)
        const halves = Uint16Array.from(values, v => encodeNarrow(v, narrowFloats.float16))
        if (valueType === 1)
          for (const [i, half] of halves.entries()) values[i] = decodeNarrow(half, narrowFloats.float16)
        const rowBytes = Math.ceil(k / 8)
        const index = new Uint8Array(n * rowBytes)
        const w = new Float32Array(n * k)
        for (let row = 0; row < n; row++) {
          for (let g = 0; g < k / 4; g++) {
            const first = rng.integer(3)
            const places = [first, first + 1 + rng.integer(3 - first)]
            for (const [s, place] of places.entries()) {
              const i = 2 * g + s
              index[row * rowBytes + (i >> 2)]! |= place << ((i & 3) * 2)
              w[row * k + 4 * g + place] = values[(row * k) / 2 + i]!
            }
          }
        }
        const x = normals(m, m * k)
        const tensor =
          valueType === 0 ? t.floats(values) : t.device.upload(new Tensor('float16', halves, [halves.length]))
        const y = t.floats(new Float32Array(m * n).fill(3))
        t.run('linearTwoOfFour', [y], [t.floats(x), tensor, t.bytes(index)], [m, n, k, valueType, 0])
        expect(y.data as Float32Array).toBeAllclose(dense(x, w, m, n, k), { rtol: 1e-5, atol: 1e-6 * k })
      }
    }
  })
})

function dense(x: Float32Array, w: Float32Array, m: number, n: number, k: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, i) => {
    let sum = 0
    for (let p = 0; p < k; p++) sum += x[Math.floor(i / n) * k + p]! * w[(i % n) * k + p]!
    return sum
  })
}
