import { describe, expect, it } from 'vitest'
import { FormatError, ShapeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { matmul } from '../reference/matmul.ts'
import { nearest } from '../reference/nearest.ts'
import { quantizeAffine } from '../reference/quantize-affine.ts'
import { Rng } from '../rng.ts'
import { packedRowBytes, packRow } from '../tensor/bits.ts'
import { toFloat32 } from '../tensor/convert.ts'
import { matrixDims } from '../tensor/dims.ts'
import { reference, Tensor } from '../tensor/tensor.ts'
import { hostTensor, normals } from '../testing/cases/fixtures.ts'
import { describeEncoding } from '../testing/describe-encoding.ts'
import { GrowingDevice } from '../testing/growing-device.ts'
import { coreKinds } from './core-kinds.ts'
import {
  byteLength,
  canonicalJson,
  check,
  decode,
  type Encoded,
  encoded,
  linear,
  MAX_DEPTH,
} from './encoded.ts'
import { groupDims, groupIndex } from './groups.ts'
import { affine } from './kinds/affine.ts'
import { codebook } from './kinds/codebook.ts'
import { concat } from './kinds/concat.ts'
import { dense } from './kinds/dense.ts'
import { hadamard, MAX_HADAMARD_SIZE } from './kinds/hadamard.ts'
import { permuted } from './kinds/permuted.ts'
import { product } from './kinds/product.ts'
import { scaled } from './kinds/scaled.ts'
import { sparse } from './kinds/sparse.ts'
import { sum } from './kinds/sum.ts'

const normal = (dims: readonly number[], seed = 1) =>
  hostTensor(
    'float32',
    dims,
    normals(
      new Rng(seed),
      dims.reduce((a, b) => a * b, 1),
    ),
  )

/** Round to nearest between the least and the greatest of each group. */
function quantized(
  x: Tensor,
  bits: number,
  group: number,
  axis: number,
  { shift = 'offset' as 'offset' | 'zero' } = {},
) {
  const dims = groupDims(x.dims, group, axis)
  const at = groupIndex(x.dims, dims, group, axis, 'test')
  const size = dims.reduce((a, b) => a * b, 1)
  const [low, high] = [new Float32Array(size).fill(Infinity), new Float32Array(size).fill(-Infinity)]
  const { columns } = matrixDims(x.dims)
  toFloat32(x).forEach((value, i) => {
    const g = at.row(Math.floor(i / columns)) + at.columns[i % columns]!
    low[g] = Math.min(low[g]!, value)
    high[g] = Math.max(high[g]!, value)
  })
  const step = Float32Array.from(low, (value, g) => (high[g]! - value) / (2 ** bits - 1) || 1)
  const scale = new Tensor('float32', step, dims)
  const zeros = Int32Array.from(low, (value, g) => Math.round(-value / step[g]!))
  const placed =
    shift === 'zero'
      ? { zero: new Tensor('int32', zeros, dims) }
      : { offset: new Tensor('float32', low, dims) }
  const codes = quantizeAffine(x, scale, { bits, group, axis, ...placed })
  return affine({ codes, scale, ...placed }, { dims: x.dims, bits, group, axis })
}

function constant(dims: readonly number[], value: number): Tensor {
  return new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(value), dims)
}

/** k-means-free vector quantisation: the table is a sample of the rows. */
function vectorQuantized(x: Tensor, d: number, entries: number, books = 1) {
  const [rows, columns] = x.dims as [number, number]
  const perRow = columns / d
  const bits = Math.ceil(Math.log2(entries))
  const vectors = toFloat32(x)
  const table = new Float32Array(books * entries * d)
  const codes = new Uint8Array(rows * packedRowBytes(perRow, bits))
  const chosen = new Uint16Array(rows * perRow)
  for (let book = 0; book < books; book++) {
    const places = Array.from({ length: rows * perRow }, (_, i) => i).filter(
      i => (i % perRow) % books === book,
    )
    const mine = new Tensor(
      'float32',
      Float32Array.from(places.flatMap(i => [...vectors.subarray(i * d, (i + 1) * d)])),
      [places.length, d],
    )
    const centres = mine.rows(0, entries)
    table.set(toFloat32(centres), book * entries * d)
    for (const [i, code] of [...nearest(mine, centres).data].entries()) chosen[places[i]!] = Number(code)
  }
  for (let row = 0; row < rows; row++) {
    packRow(
      chosen.subarray(row * perRow, (row + 1) * perRow),
      bits,
      codes,
      row * packedRowBytes(perRow, bits),
    )
  }
  const tableDims = books === 1 ? [entries, d] : [books, entries, d]
  const parts = {
    codes: new Tensor('uint8', codes, [rows, packedRowBytes(perRow, bits)]),
    table: new Tensor('float32', table, tableDims),
  }
  return codebook(parts, { dims: x.dims, bits })
}

/** The elements whose magnitude passes a threshold, in compressed rows. */
function outliers(x: Tensor, threshold: number) {
  const [rows, columns] = x.dims as [number, number]
  const values: number[] = []
  const index: number[] = []
  const starts = [0]
  toFloat32(x).forEach((value, i) => {
    if (Math.abs(value) > threshold) {
      values.push(value)
      index.push(i % columns)
    }
    if ((i + 1) % columns === 0) starts.push(values.length)
  })
  const parts = {
    values: new Tensor('float32', values, [values.length]),
    index: new Tensor('int32', index, [index.length]),
  }
  return sparse(
    { ...parts, starts: new Tensor('int32', starts, [rows + 1]) },
    { dims: [rows, columns], pattern: 'rows' },
  )
}

/** The n largest of every m along a row. */
function pruned(x: Tensor, n: number, m: number) {
  const [rows, columns] = x.dims as [number, number]
  const perRow = (columns / m) * n
  const bits = Math.ceil(Math.log2(m))
  const numbers = toFloat32(x)
  const values: number[] = []
  const index = new Uint8Array(rows * packedRowBytes(perRow, bits))
  for (let row = 0; row < rows; row++) {
    const positions: number[] = []
    for (let start = row * columns; start < (row + 1) * columns; start += m) {
      const best = Array.from({ length: m }, (_, i) => i).sort(
        (a, b) => Math.abs(numbers[start + b]!) - Math.abs(numbers[start + a]!),
      )
      for (const at of best.slice(0, n).sort((a, b) => a - b)) {
        positions.push(at)
        values.push(numbers[start + at]!)
      }
    }
    packRow(positions, bits, index, row * packedRowBytes(perRow, bits))
  }
  const parts = {
    values: new Tensor('float32', values, [rows, perRow]),
    index: new Tensor('uint8', index, [rows, index.length / rows]),
  }
  return sparse(parts, { dims: [rows, columns], pattern: 'nOfM', n, m })
}

function minus(a: Tensor, b: Tensor): Tensor {
  const [x, y] = [toFloat32(a), toFloat32(b)]
  return new Tensor(
    'float32',
    x.map((value, i) => value - y[i]!),
    a.dims,
  )
}

/** original ≈ encoded, with the loss that 2^bits levels have on normal numbers. */
const lossy = (original: Tensor, e: Encoded, bound: number, atLeast: number) => ({
  original,
  encoded: e,
  bound,
  atLeast,
})
const lossless = (original: Tensor, e: Encoded) => ({ original, encoded: e, bound: 1e-6 })

const x = normal([13, 24])

describeEncoding('dense float16', () => lossy(x, dense(cast(x, 'float16')), 2 ** -11, 1e-5))
describeEncoding('dense float8', () => lossy(x, dense(cast(x, 'float8e4m3fn')), 2 ** -4, 1e-3))
describeEncoding('dense int4, whose rows begin inside bytes', () => {
  const codes = cast(
    hostTensor(
      'float32',
      [5, 7],
      normals(new Rng(2), 35).map(value => value * 3),
    ),
    'int4',
  )
  return lossless(cast(codes, 'float32'), dense(codes))
})
describeEncoding('dense to float16', () => lossy(x, dense(x, { type: 'float16' }), 2 ** -11, 1e-5))

for (const [bits, bound] of [
  [1, 0.9],
  [2, 0.4],
  [3, 0.2],
  [4, 0.1],
  [5, 0.05],
  [6, 0.025],
  [7, 0.012],
  [8, 0.006],
] as const) {
  describeEncoding(`affine ${bits} bits, short last group`, () =>
    lossy(x, quantized(x, bits, 10, 1), bound, bound / 8),
  )
}
describeEncoding('affine 3 bits, odd columns', () => {
  const odd = normal([5, 19])
  return lossy(odd, quantized(odd, 3, 8, 1), 0.2, 0.03)
})
describeEncoding('affine along rows, with zeros', () =>
  lossy(x, quantized(x, 4, 5, 0, { shift: 'zero' }), 0.1, 0.01),
)
describeEncoding('affine of a vector', () => {
  const vector = normal([37])
  return lossy(vector, quantized(vector, 4, 16, 0), 0.1, 0.01)
})
describeEncoding('affine of three dimensions, along the middle', () => {
  const cube = normal([3, 7, 5])
  return lossy(cube, quantized(cube, 4, 3, 1), 0.1, 0.005)
})
describeEncoding('affine with quantised scales and offsets', () => {
  const base = quantized(x, 4, 8, 1)
  const { codes, scale, offset } = base.parts as Record<string, Tensor>
  const parts = { codes: codes!, scale: quantized(scale!, 6, 13, 0), offset: quantized(offset!, 6, 13, 0) }
  return lossy(x, affine(parts, { dims: x.dims, bits: 4, group: 8, axis: 1 }), 0.15, 0.02)
})
describeEncoding('affine with scales, and one zero for all', () => {
  const scale = normal([13, 3], 5)
  const parts = {
    codes: new Tensor(
      'uint8',
      Uint8Array.from({ length: 13 * 12 }, (_, i) => 29 * i),
      [13, 12],
    ),
    scale,
  }
  const zero = new Tensor('uint8', [8], [1, 1])
  const options = { dims: x.dims, bits: 4, group: 8, axis: 1 }
  const each = new Tensor('uint8', new Uint8Array(39).fill(8), [13, 3])
  return lossless(decode(affine({ ...parts, zero: each }, options)), affine({ ...parts, zero }, options))
})
describeEncoding('affine with zeros that are floats', () => {
  const { codes, scale } = quantized(x, 4, 8, 1).parts as Record<string, Tensor>
  const zero = normal(scale!.dims, 6)
  const options = { dims: x.dims, bits: 4, group: 8, axis: 1 }
  const plain = toFloat32(decode(affine({ codes: codes!, scale: constant(scale!.dims, 1) }, options)))
  const [scales, zeros] = [toFloat32(scale!), toFloat32(zero)]
  const groups = scale!.dims[1]!
  const expected = plain.map((code, i) => {
    const g = Math.floor(i / 24) * groups + Math.floor((i % 24) / 8)
    return Math.fround(code - zeros[g]!) * scales[g]!
  })
  return lossless(
    new Tensor('float32', expected, x.dims),
    affine({ codes: codes!, scale: scale!, zero }, options),
  )
})
describeEncoding('affine with one scale for all', () => {
  const scale = new Tensor('float32', [0.25], [1, 1])
  const codes = quantizeAffine(x, scale, {
    bits: 5,
    group: 24,
    axis: 1,
    zero: new Tensor('uint8', [16], [1, 1]),
  })
  return lossy(
    x,
    affine(
      { codes, scale, zero: new Tensor('uint8', [16], [1, 1]) },
      { dims: x.dims, bits: 5, group: 24, axis: 1 },
    ),
    0.1,
    0.02,
  )
})
describeEncoding('affine without rows', () => lossless(normal([0, 8]), quantized(normal([0, 8]), 4, 8, 1)))

describeEncoding('codebook of vectors', () => lossy(x, vectorQuantized(x, 2, 64), 0.6, 0.05))
describeEncoding('codebook of five entries in three bits', () =>
  lossy(x, vectorQuantized(x, 1, 5), 0.9, 0.05),
)
describeEncoding('product quantisation: a book for each place', () =>
  lossy(x, vectorQuantized(x, 4, 13, 3), 0.9, 0.2),
)
describeEncoding('codebook of a vector, scaled by groups', () => {
  const packed = new Uint8Array(5)
  packRow([0, 1, 2, 3, 3, 2, 1, 0, 1, 2, 3], 3, packed)
  const table = new Tensor('float32', [-1, -0.25, 0.5, 2], [4, 1])
  const scale = new Tensor('float32', [1, 2, 4], [3])
  const original = new Tensor('float32', [-1, -0.25, 0.5, 2, 4, 1, -0.5, -2, -1, 2, 8], [11])
  const parts = { codes: new Tensor('uint8', packed, [5]), table, scale }
  return lossless(original, codebook(parts, { dims: [11], bits: 3, group: 4 }))
})

describeEncoding('sparse rows', () => lossy(x, outliers(x, 0.5), 0.4, 0.1))
describeEncoding('sparse 2 of 4', () => lossy(x, pruned(x, 2, 4), 0.5, 0.1))
describeEncoding('sparse 2 of 3', () => lossy(x, pruned(x, 2, 3), 0.4, 0.05))

describeEncoding('hadamard', () => {
  const rotation = hadamard({ size: 24, seed: 5 })
  const signs = new Rng(5)
  const flips = Array.from({ length: 24 }, () => (signs.uint32() & 1 ? 1 : -1))
  const parity = (bits: number): number => (bits === 0 ? 0 : (bits & 1) ^ parity(bits >> 1))
  const values = Array.from({ length: 24 * 24 }, (_, i) => {
    const [row, column] = [Math.floor(i / 24), i % 24]
    if (row >> 3 !== column >> 3) return 0
    return ((parity(row & column & 7) ? -1 : 1) * flips[column]!) / Math.sqrt(8)
  })
  return lossless(hostTensor('float32', [24, 24], values), rotation)
})

describeEncoding('sum of one', () => lossless(x, sum(x)))
describeEncoding('sum: residual quantisation', () => {
  const first = quantized(x, 2, 8, 1)
  const second = quantized(minus(x, decode(first)), 3, 8, 1)
  return lossy(x, sum(first, second), 0.05, 0.005)
})
describeEncoding('sum of quantised, low rank and sparse', () => {
  const lowRank = product(normal([13, 2], 3), normal([2, 24], 4))
  const weight = new Tensor(
    'float32',
    toFloat32(x).map((value, i) => value + toFloat32(decode(lowRank))[i]!),
    x.dims,
  )
  const far = outliers(x, 2)
  const rest = minus(minus(weight, decode(lowRank)), decode(far))
  return lossy(
    weight,
    sum(
      quantized(rest, 4, 8, 1),
      product(dense(cast(normal([13, 2], 3), 'float16')), normal([2, 24], 4)),
      far,
    ),
    0.06,
    0.005,
  )
})
describeEncoding('product of three', () => {
  const [a, b, c] = [normal([5, 4], 6), normal([4, 3], 7), normal([3, 9], 8)]
  return lossless(matmul(matmul(a, b), c), product(a, b, c))
})
describeEncoding('product: quantised in rotated coordinates', () => {
  const rotation = hadamard({ size: 24, seed: 3 })
  const rotated = linear(x, rotation)
  return lossy(x, product(quantized(rotated, 5, 24, 1), rotation), 0.06, 0.01)
})
describeEncoding('product that begins with a rotation', () => {
  const square = normal([24, 24], 9)
  return lossless(
    matmul(decode(hadamard({ size: 24, seed: 4 })), square),
    product(hadamard({ size: 24, seed: 4 }), square),
  )
})
describeEncoding('concat along outputs', () => {
  const blocks = [normal([3, 8], 11), normal([1, 8], 12), normal([6, 8], 13)] as const
  const original = hostTensor(
    'float32',
    [10, 8],
    blocks.flatMap(block => [...toFloat32(block)]),
  )
  return lossy(
    original,
    concat(0, quantized(blocks[0], 5, 8, 1), blocks[1], dense(cast(blocks[2], 'float16'))),
    0.06,
    0.001,
  )
})
describeEncoding('concat along inputs', () => {
  const original = normal([4, 9], 14)
  const columns = (from: number, until: number) =>
    hostTensor(
      'float32',
      [4, until - from],
      [...toFloat32(original)].filter((_, i) => i % 9 >= from && i % 9 < until),
    )
  return lossless(original, concat(-1, columns(0, 2), dense(columns(2, 2)), sum(columns(2, 9))))
})
describeEncoding('concat in the middle of three dimensions', () => {
  const original = normal([2, 5, 3], 15)
  const slices = (from: number, until: number) =>
    hostTensor(
      'float32',
      [2, until - from, 3],
      [...toFloat32(original)].filter(
        (_, i) => Math.floor(i / 3) % 5 >= from && Math.floor(i / 3) % 5 < until,
      ),
    )
  return lossless(original, concat(1, slices(0, 4), slices(4, 5)))
})
for (const axis of [0, 1]) {
  describeEncoding(`scaled along axis ${axis}`, () => {
    const length = x.dims[axis]!
    const factors = normal([length], 16)
    const original = hostTensor(
      'float32',
      [13, 24],
      toFloat32(x).map((value, i) => value * toFloat32(factors)[axis === 0 ? Math.floor(i / 24) : i % 24]!),
    )
    return lossy(original, scaled(quantized(x, 6, 8, 1), dense(cast(factors, 'float16')), axis), 0.04, 0.001)
  })
  describeEncoding(`permuted along axis ${axis}`, () => {
    const order = new Rng(17).permutation(x.dims[axis]!)
    const original = hostTensor(
      'float32',
      [13, 24],
      Array.from({ length: x.size }, (_, i) => {
        const [row, column] = [Math.floor(i / 24), i % 24]
        return toFloat32(x)[axis === 0 ? order[row]! * 24 + column : row * 24 + order[column]!]!
      }),
    )
    return lossy(
      original,
      permuted(quantized(x, 6, 8, 1), new Tensor('int32', order, [order.length]), axis),
      0.03,
      0.001,
    )
  })
}
describeEncoding('scaled by one number', () =>
  lossless(x, scaled(scaled(x, new Tensor('float32', [4], [1]), 0), new Tensor('float32', [0.25], [1]), 1)),
)

describe('kinds', () => {
  it('have distinct names and are frozen', () => {
    expect(new Set(coreKinds.map(({ kind }) => kind)).size).toBe(10)
    for (const kind of coreKinds) expect(Object.isFrozen(kind)).toBe(true)
  })

  it('decode on the device of their tensors, whatever holds none, and leave nothing behind', () => {
    const device = new GrowingDevice()
    const w = product(
      hadamard({ size: 24, seed: 4 }),
      sum(device.upload(normal([24, 24], 9)), hadamard({ size: 24, seed: 6 })),
    )
    const plain = product(
      hadamard({ size: 24, seed: 4 }),
      sum(normal([24, 24], 9), hadamard({ size: 24, seed: 6 })),
    )
    const input = device.upload(normal([2, 24]))
    const held = device.live.size
    const whole = decode(w)
    const y = linear(input, sum(hadamard({ size: 24, seed: 4 }), w))
    expect(whole.device).toBe(device)
    expect(device.live.size).toBe(held + 2)
    expect([...toFloat32(whole)]).toEqual([...toFloat32(decode(plain))])
    whole.dispose()
    y.dispose()
    expect(device.live.size).toBe(held)
  })
})

describe('check', () => {
  it('refuses trees deeper than any model needs', () => {
    let tree: Encoded = sum(x)
    for (let depth = 1; depth <= MAX_DEPTH; depth++) tree = sum(tree)
    expect(() => check(tree)).not.toThrow()
    expect(() => sum(tree)).toThrow(FormatError)
  })

  it('refuses indices that point outside', () => {
    const bad = (index: number[], starts: number[]) => () =>
      sparse(
        {
          values: new Tensor(
            'float32',
            index.map(() => 1),
            [index.length],
          ),
          index: new Tensor('int32', index, [index.length]),
          starts: new Tensor('int32', starts, [starts.length]),
        },
        { dims: [2, 3], pattern: 'rows' },
      )
    expect(bad([0, 2, 1], [0, 2, 3])).not.toThrow()
    for (const [index, starts] of [
      [
        [0, 3, 1],
        [0, 2, 3],
      ],
      [
        [-1, 2, 1],
        [0, 2, 3],
      ],
      [
        [2, 0, 1],
        [0, 2, 3],
      ],
      [
        [0, 0, 1],
        [0, 2, 3],
      ],
      [
        [0, 2, 1],
        [0, 9, 3],
      ],
      [
        [0, 2, 1],
        [1, 2, 3],
      ],
      [
        [0, 2, 1],
        [0, 2, 2],
      ],
    ] as const) {
      expect(bad([...index], [...starts]), `${index} from ${starts}`).toThrow(FormatError)
    }
    const positions = (bits: number) => () =>
      sparse(
        { values: new Tensor('float32', [1, 2], [1, 2]), index: new Tensor('uint8', [bits], [1, 1]) },
        { dims: [1, 3], pattern: 'nOfM', n: 2, m: 3 },
      )
    expect(positions(0b1000)).not.toThrow()
    for (const bits of [0b0000, 0b0010, 0b1100, 0b0101])
      expect(positions(bits), bits.toString(2)).toThrow(FormatError)
    const table = new Tensor('float32', [1, 2, 3], [3, 1])
    expect(() =>
      codebook({ codes: new Tensor('uint8', [0b11], [1, 1]), table }, { dims: [1, 1], bits: 2 }),
    ).toThrow(FormatError)
    for (const order of [
      [0, 0, 1],
      [0, 1, 3],
      [-1, 0, 1],
    ]) {
      expect(() => permuted(normal([3, 1]), new Tensor('int32', order, [3]), 0)).toThrow(FormatError)
    }
  })

  it('refuses floats where codes belong and integers where floats belong', () => {
    const four = new Tensor('int32', [1, 2, 3, 4], [2, 2])
    expect(() => sum(four)).toThrow(FormatError)
    expect(() => product(four, four)).toThrow(FormatError)
    expect(() => scaled(four, new Tensor('float32', [1], [1]), 0)).toThrow(FormatError)
    const scale = new Tensor('float32', [1], [1, 1])
    const codes = new Tensor('uint8', [1], [1, 1])
    const options = { dims: [1, 1], bits: 8, group: 1, axis: 1 }
    expect(() => affine({ codes: scale, scale }, options)).toThrow(FormatError)
    expect(() => affine({ codes, scale: codes.reshape([1]) }, options)).toThrow(FormatError)
  })

  it('refuses empty tensors whose loops would not end, and rotations that no memory holds', () => {
    const empty = new Tensor('float32', [], [2 ** 40, 0])
    expect(() => dense(empty)).toThrow(FormatError)
    expect(() => hadamard({ size: 2 * MAX_HADAMARD_SIZE, seed: 1 })).toThrow(FormatError)
    expect(() => hadamard({ size: 8, seed: -1 })).toThrow(FormatError)
  })

  it('says what it expected and what it got', () => {
    const make = () =>
      affine(
        { codes: new Tensor('uint8', [1], [1, 1]), scale: new Tensor('float32', [1], [1, 1]) },
        { dims: [1, 4], bits: 4, group: 4, axis: 1 },
      )
    expect(make).toThrow(
      '[check affine] expected codes uint8 [1,2], got dims [1,4] with codes uint8 [1,1], scale float32 [1,1]',
    )
  })
})

describe('linear', () => {
  it('refuses inner dimensions that differ', () => {
    expect(() => linear(normal([2, 5]), dense(normal([3, 4])))).toThrow(ShapeError)
    expect(() => linear(normal([2, 3]), normal([3, 4]))).toThrow(
      '[linear] expected x (…, in) and w (out, in), got [2,3] and [3,4]',
    )
  })

  it('gives zeros over no inputs, and nothing for no rows', () => {
    const none = dense(new Tensor('float32', [], [4, 0]))
    expect(linear(new Tensor('float32', [], [3, 0]), none)).toMatchObject({
      dims: [3, 4],
      data: new Float32Array(12),
    })
    expect(linear(new Tensor('float32', [], [0, 24]), dense(x)).dims).toEqual([0, 13])
  })

  it.each([
    ['a sum', sum(dense(cast(normal([24, 24]), 'float16')), product(normal([24, 1], 2), normal([1, 24], 3)))],
    ['a rotation', hadamard({ size: 24, seed: 9 })],
  ])('takes inputs of every float type and writes over its own input, with %s', (_, w) => {
    const expected = linear(x, w)
    for (const type of ['float64', 'float32'] as const) {
      const input = cast(x, type)
      linear(input, w, { out: input })
      expect(
        [...toFloat32(input)]
          .map((value, i) => Math.abs(value - toFloat32(expected)[i]!) < 1e-4)
          .every(Boolean),
      ).toBe(true)
    }
  })

  it('multiplies weights larger than a tile', () => {
    const w = normal([300, 500], 21)
    const input = normal([2, 500], 22)
    const y = toFloat32(linear(input, dense(w)))
    const expected = toFloat32(matmul(input, w, { transposeB: true }))
    expect(y.every((value, i) => Math.abs(value - expected[i]!) < 1e-3)).toBe(true)
    const back = toFloat32(linear(normal([2, 300], 23), dense(w), { transpose: true }))
    const wanted = toFloat32(matmul(normal([2, 300], 23), w))
    expect(back.every((value, i) => Math.abs(value - wanted[i]!) < 1e-3)).toBe(true)
  })
})

describe('encoded', () => {
  it('is frozen, and counts canonical metadata', () => {
    const e = encoded(coreKinds[0]!, 'float32', [2], { values: normal([2]) }, {})
    expect([e, e.dims, e.parts, e.meta].every(Object.isFrozen)).toBe(true)
    expect(byteLength(e)).toBe(8 + 2)
    expect(canonicalJson({ b: [1, 'é'], a: { d: null, c: true } })).toBe(
      '{"a":{"c":true,"d":null},"b":[1,"é"]}',
    )
  })

  it('decodes a plain tensor to itself, and copies it into out', () => {
    expect(decode(x)).toBe(x)
    const out = reference.empty('float16', [2, 24])
    expect(decode(x, { rows: [3, 5], out })).toBe(out)
    expect(out.data).toEqual(cast(x.rows(3, 5), 'float16').data)
  })
})
