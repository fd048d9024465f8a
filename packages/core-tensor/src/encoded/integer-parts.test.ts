import { describe, expect, it } from 'vitest'
import { DTypeError, FormatError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { quantizeAffine } from '../reference/quantize-affine.ts'
import { Rng } from '../rng.ts'
import { packRow } from '../tensor/bits.ts'
import { toFloat32 } from '../tensor/convert.ts'
import { Tensor } from '../tensor/tensor.ts'
import { hostTensor, normals } from '../testing/cases/fixtures.ts'
import { complement, complementEncoding } from '../testing/complement.ts'
import { describeEncoding } from '../testing/describe-encoding.ts'
import { GrowingDevice } from '../testing/growing-device.ts'
import { remoteDevice } from '../testing/remote-device.ts'
import { check, decode, deviceOf, type Encoding, linear } from './encoded.ts'
import { affine } from './kinds/affine.ts'
import { codebook } from './kinds/codebook.ts'
import { concat } from './kinds/concat.ts'
import { dense } from './kinds/dense.ts'
import { product } from './kinds/product.ts'
import { scaled } from './kinds/scaled.ts'
import { sparse } from './kinds/sparse.ts'
import { sum } from './kinds/sum.ts'
import { transfer } from './transfer.ts'

/** The rows that were asked of encoded integers. */
const asked: (readonly [number, number])[] = []
const spyEncoding: Encoding = {
  ...complementEncoding,
  decode(e, options = {}) {
    asked.push(options.rows ?? [0, e.dims[0]!])
    return complementEncoding.decode(e, options)
  },
}
const spied = (x: Tensor) => ({ ...complement(x), encoding: spyEncoding })

const normal = (dims: readonly number[], seed = 1) =>
  hostTensor(
    'float32',
    dims,
    normals(
      new Rng(seed),
      dims.reduce((a, b) => a * b, 1),
    ),
  )

const rng = new Rng(8)
const weight = normal([13, 24])
const grouping = { bits: 4, group: 8, axis: 1 }
const scale = new Tensor('float32', new Float32Array(39).fill(0.45), [13, 3])
const zero = new Tensor('uint8', new Uint8Array(39).fill(8), [13, 3])
const codes = quantizeAffine(weight, scale, { ...grouping, zero })
const plain = affine({ codes, scale, zero }, { dims: [13, 24], ...grouping })
const nested = affine(
  { codes: complement(codes), scale, zero: complement(zero) },
  { dims: [13, 24], ...grouping },
)

function vector() {
  const [bytes, values] = [new Uint8Array(70), Array.from({ length: 100 }, () => rng.integer(32))]
  packRow(values, 5, bytes)
  return { codes: new Tensor('uint8', bytes.slice(0, 63), [63]), values }
}

const int32 = (values: readonly number[]) => new Tensor('int32', values, [values.length])
const rows = {
  values: new Tensor('float32', [5, 7, 2, 9], [4]),
  index: int32([2, 0, 2, 1]),
  starts: int32([0, 1, 3, 4]),
}
const rowsWhole = new Tensor('float32', [0, 0, 5, 7, 0, 2, 0, 9, 0], [3, 3])

describeEncoding('a leaf of integers', () => ({
  original: codes,
  encoded: complement(codes),
  bound: 0,
}))
describeEncoding('affine of encoded codes and zeros', () => ({
  original: weight,
  encoded: nested,
  bound: 0.15,
  atLeast: 0.01,
}))
describeEncoding('affine of a vector of encoded codes', () => {
  const { codes: packed, values } = vector()
  const parts = { codes: complement(packed), scale: new Tensor('float32', [1, 2, 4, 8], [4]) }
  return {
    original: hostTensor(
      'float32',
      [100],
      values.map((value, i) => value * 2 ** Math.floor(i / 32)),
    ),
    encoded: affine(parts, { dims: [100], bits: 5, group: 32, axis: 0 }),
    bound: 0,
  }
})
describeEncoding('codebook of encoded codes and an encoded table', () => {
  const table = cast(normal([11, 2], 3), 'float16')
  const chosen = Array.from({ length: 50 }, () => rng.integer(11))
  const bytes = new Uint8Array(25)
  packRow(chosen, 4, bytes)
  const entries = toFloat32(table)
  return {
    original: hostTensor(
      'float32',
      [10, 10],
      chosen.flatMap(code => [...entries.subarray(2 * code, 2 * code + 2)]),
    ),
    encoded: codebook(
      { codes: complement(byRow(bytes, [10, 3], chosen)), table: dense(table) },
      { dims: [10, 10], bits: 4 },
    ),
    bound: 0,
  }
})
describeEncoding('sparse rows of encoded columns, starts and values', () => ({
  original: rowsWhole,
  encoded: sparse(
    {
      values: dense(cast(rows.values, 'float16')),
      index: complement(rows.index),
      starts: complement(rows.starts),
    },
    { dims: [3, 3], pattern: 'rows' },
  ),
  bound: 0,
}))
describeEncoding('sparse 2 of 4 with values of 4 bits', () => {
  const grid = { bits: 4, group: 6, axis: 1 }
  const half = { scale: new Tensor('float32', [0.5], [1, 1]), zero: new Tensor('uint8', [8], [1, 1]) }
  const kept = normal([13, 12], 4)
  const values = affine(
    { codes: quantizeAffine(kept, half.scale, { ...grid, zero: half.zero }), ...half },
    { dims: [13, 12], ...grid },
  )
  const original = new Float32Array(13 * 24)
  toFloat32(kept).forEach((value, i) => {
    original[4 * Math.floor(i / 2) + (i % 2 === 0 ? 1 : 3)] = value
  })
  // Positions 1 and 3 of every four: 0b1101, two of them a byte.
  const index = complement(new Tensor('uint8', new Uint8Array(13 * 3).fill(0b1101_1101), [13, 3]))
  return {
    original: new Tensor('float32', original, [13, 24]),
    encoded: sparse({ values, index }, { dims: [13, 24], pattern: 'nOfM', n: 2, m: 4 }),
    bound: 0.2,
    atLeast: 0.05,
  }
})
describeEncoding('dense of encoded integers', () => ({
  original: cast(codes, 'float32'),
  encoded: dense(complement(codes)),
  bound: 0,
}))

/** Rows of five 4-bit codes, three bytes each. */
function byRow(_: Uint8Array, dims: readonly [number, number], chosen: readonly number[]): Tensor {
  const bytes = new Uint8Array(dims[0] * dims[1])
  for (let row = 0; row < dims[0]; row++) packRow(chosen.slice(5 * row, 5 * row + 5), 4, bytes, row * dims[1])
  return new Tensor('uint8', bytes, dims)
}

describe('parts that are encodings of integers', () => {
  it('decode to what their plain twins decode to, byte for byte', () => {
    expect(decode(nested).data).toEqual(decode(plain).data)
    const x = normal([3, 24], 5)
    expect(linear(x, nested).data).toEqual(linear(x, plain).data)
  })

  it('are asked for the rows in question, and no others', () => {
    const matrix = affine({ codes: spied(codes), scale, zero: spied(zero) }, { dims: [13, 24], ...grouping })
    asked.length = 0
    decode(matrix, { rows: [3, 5] })
    // Numbers of groups come from an even row on, because two rows of 4-bit ones fill whole bytes.
    expect(asked).toEqual([
      [2, 5],
      [3, 5],
    ])

    const long = affine(
      { codes: spied(vector().codes), scale: new Tensor('float32', [1], [1]) },
      { dims: [100], bits: 5, group: 32, axis: 0 },
    )
    asked.length = 0
    decode(long, { rows: [41, 50] })
    expect(asked).toEqual([[25, 32]]) // the bytes of codes 40 to 50

    const stored = sparse(
      { ...rows, index: spied(rows.index), starts: spied(rows.starts) },
      { dims: [3, 3], pattern: 'rows' },
    )
    asked.length = 0
    decode(stored, { rows: [1, 2] })
    expect(asked).toEqual([
      [1, 3],
      [1, 3],
    ])
  })

  it('must be of the dtype that a tensor would be of, and hold the same values', () => {
    const wide = complement(cast(codes, 'int32'))
    expect(() => affine({ codes: wide, scale }, { dims: [13, 24], ...grouping })).toThrow(FormatError)
    const options = { dims: [3, 3], pattern: 'rows' } as const
    expect(() => sparse({ ...rows, index: complement(cast(rows.index, 'uint8')) }, options)).toThrow(
      FormatError,
    )
    expect(() => sparse({ ...rows, index: complement(int32([2, 0, 3, 1])) }, options)).toThrow(
      'expected rising columns from 0 to 2 in row 1',
    )
    expect(() => sparse({ ...rows, starts: complement(int32([0, 1, 5, 4])) }, options)).toThrow(FormatError)
    const table = new Tensor('float32', [1, 2, 3], [3, 1])
    const past = complement(new Tensor('uint8', [0b11], [1, 1]))
    expect(() => codebook({ codes: past, table }, { dims: [1, 1], bits: 2 })).toThrow(FormatError)
  })

  it('are not terms, factors, bases or blocks, and are not multiplied', () => {
    const integers = complement(codes)
    for (const make of [
      () => sum(integers),
      () => product(integers, normal([12, 2])),
      () => scaled(integers, new Tensor('float32', [1], [1]), 0),
      () => concat(0, integers),
    ])
      expect(make).toThrow(FormatError)
    expect(() => linear(normal([1, 12]), integers)).toThrow(DTypeError)
    expect(() => linear(normal([1, 12]), integers)).toThrow(
      '[linear] expected a weight that decodes to floats, got complement of uint8',
    )
  })

  it('leave nothing behind on devices', async () => {
    const device = new GrowingDevice()
    const moved = await transfer(nested, device)
    const held = device.live.size
    check(moved)
    const out = decode(moved, { rows: [2, 9] })
    expect(deviceOf(moved, {})).toBe(device)
    expect([...toFloat32(out)]).toEqual([...toFloat32(decode(plain, { rows: [2, 9] }))])
    expect(device.live.size).toBe(held + 1)
  })

  it('are decoded on the way to devices that cannot', async () => {
    const moved = await transfer(nested, remoteDevice())
    expect(moved.parts.codes).toBeInstanceOf(Tensor)
    expect(await (moved.parts.codes as Tensor).read()).toEqual(codes.data)
    expect(await (moved.parts.zero as Tensor).read()).toEqual(zero.data)
    expect(() => check(moved)).not.toThrow()
  })
})
