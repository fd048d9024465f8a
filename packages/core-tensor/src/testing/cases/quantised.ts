import { expect } from 'vitest'
import { packedRowBytes } from '../../bits.ts'
import type { Device } from '../../device.ts'
import { aroundAxis, sizeOf } from '../../dims.ts'
import { type Encoded, type LinearOptions, linear } from '../../encoded.ts'
import { affine, affineEncoding } from '../../encodings/affine.ts'
import { codebook, codebookEncoding } from '../../encodings/codebook.ts'
import { groupDims } from '../../encodings/groups.ts'
import { sparse, sparseEncoding } from '../../encodings/sparse.ts'
import { quantizeAffine } from '../../reference/quantize-affine.ts'
import { Rng } from '../../rng.ts'
import type { KernelCase } from '../describe-device.ts'
import { expectElements, normals, numbersIn, random, sameBytes, upload } from './fixtures.ts'

const { fround } = Math

/** Codes as a stream of bits, least significant first, by strings; every row starts on a byte. */
function packed(codes: readonly number[], columns: number, bits: number): number[] {
  const bytes: number[] = []
  for (let row = 0; row * columns < codes.length; row++) {
    let stream = ''
    for (const code of codes.slice(row * columns, (row + 1) * columns))
      stream = code.toString(2).padStart(bits, '0') + stream
    const rowBytes = packedRowBytes(columns, bits)
    stream = stream.padStart(8 * rowBytes, '0')
    for (let i = rowBytes; i > 0; i--) bytes.push(Number.parseInt(stream.slice(8 * i - 8, 8 * i), 2))
  }
  return bytes
}

/** Which group each element of `dims` is in, by coordinates. */
function groupsOf(dims: readonly number[], group: number, axis: number): number[] {
  const { length, inner } = aroundAxis(dims, axis, 'case')
  const groups = Math.ceil(length / group)
  return Array.from({ length: sizeOf(dims) }, (_, i) => {
    const along = Math.floor(i / inner) % length
    return (Math.floor(i / (inner * length)) * groups + Math.floor(along / group)) * inner + (i % inner)
  })
}

/** Round half to even, in the words of IEEE. */
function nearestEven(x: number): number {
  const [low, high] = [Math.floor(x), Math.ceil(x)]
  if (x - low !== high - x) return x - low < high - x ? low : high
  return low % 2 === 0 ? low : high
}

/** The last group is short, the axis is not the last, one dimension or three, odd columns. */
const AFFINE_SHAPES = [
  { dims: [6, 20], group: 8, axis: 1 },
  { dims: [5, 7], group: 2, axis: 0 },
  { dims: [65, 33], group: 32, axis: 1 },
  { dims: [1, 1], group: 1, axis: 1 },
  { dims: [19], group: 4, axis: 0 },
  { dims: [2, 5, 9], group: 3, axis: 1 },
  { dims: [3, 0], group: 4, axis: 1 },
] as const

interface AffineWeight {
  encoded: Encoded
  values: number[]
}

function affineWeight(
  device: Device,
  shape: { dims: readonly number[]; group: number; axis: number },
  bits: number,
  rich: boolean,
): AffineWeight {
  const { dims, group, axis } = shape
  const rng = new Rng(51 + bits)
  const codes = Array.from({ length: sizeOf(dims) }, () => rng.integer(2 ** bits))
  const scaleDims = groupDims(dims, group, axis)
  const groups = sizeOf(scaleDims)
  const scale = normals(rng, groups).map(fround)
  const zero = Array.from({ length: groups }, () => rng.integer(2 ** bits))
  const offset = normals(rng, groups).map(fround)
  const columns = dims.at(-1)!
  const parts = {
    codes: upload(
      device,
      'uint8',
      [...dims.slice(0, -1), packedRowBytes(columns, bits)],
      packed(codes, columns, bits),
    ),
    scale: upload(device, 'float32', scaleDims, scale),
  }
  const extra = {
    zero: upload(device, 'int32', scaleDims, zero),
    offset: upload(device, 'float32', scaleDims, offset),
  }
  const values = groupsOf(dims, group, axis).map((g, i) => {
    const scaled = fround((codes[i]! - (rich ? zero[g]! : 0)) * scale[g]!)
    return rich ? fround(scaled + offset[g]!) : scaled
  })
  return { encoded: affine(rich ? { ...parts, ...extra } : parts, { ...shape, bits }), values }
}

/** `linear` by its definition in float64. */
function product(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  [m, k, n]: readonly [number, number, number],
  transpose: boolean,
): number[] {
  return Array.from({ length: m * n }, (_, i) => {
    let sum = 0
    for (let p = 0; p < k; p++)
      sum += x[Math.floor(i / n) * k + p]! * w[transpose ? p * n + (i % n) : (i % n) * k + p]!
    return sum
  })
}

/** Both transpositions, one row and many, out and accumulate; rows in sequence do not depend on each other. */
async function linearConforms(device: Device, w: Encoded, values: readonly number[]): Promise<void> {
  const run = (x: Parameters<typeof linear>[0], options: LinearOptions) => linear(x, w, options)
  for (const transpose of [false, true]) {
    const [n, k] = transpose ? [w.dims[1]!, w.dims[0]!] : [w.dims[0]!, w.dims[1]!]
    for (const m of [1, 3, 9]) {
      const x = random(device, new Rng(52 + m), [m, k])
      const data = await numbersIn(x)
      const expected = product(data, values, [m, k, n], transpose)
      const close = { dims: [m, n], rtol: 1e-4, atol: 1e-4 }
      const y = run(x, { transpose })
      await expectElements(y, expected, close)
      expect(run(x, { transpose, out: y, accumulate: true })).toBe(y)
      await expectElements(
        y,
        expected.map(value => 2 * value),
        close,
      )
      if (!device.host) continue
      const ordered = run(x, { transpose, order: 'sequential' })
      await expectElements(ordered, expected, close)
      const last = await run(x.rows(m - 1, m), { transpose, order: 'sequential' }).read()
      expect(sameBytes(last, await ordered.rows(m - 1, m).read())).toBe(true)
    }
  }
}

const bitCases = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((bits): KernelCase[] => [
  {
    kernel: 'quantizeAffine',
    name: `${bits} bits, bit for bit`,
    async run(device) {
      for (const { dims, group, axis } of AFFINE_SHAPES) {
        const rng = new Rng(53 + bits)
        const scaleDims = groupDims(dims, group, axis)
        const groups = sizeOf(scaleDims)
        // Steps are powers of two and x lies on quarters of 2^-3, so that many quotients are ties.
        const x = Array.from({ length: sizeOf(dims) }, () => (rng.integer(257) - 128) / 32)
        const scale = Array.from({ length: groups }, () => 2 ** (rng.integer(4) - 4))
        const zero = Array.from({ length: groups }, () => rng.integer(2 ** bits))
        const offset = Array.from({ length: groups }, () => (rng.integer(9) - 4) / 8)
        const codes = groupsOf(dims, group, axis).map((g, i) =>
          Math.min(2 ** bits - 1, Math.max(0, nearestEven((x[i]! - offset[g]!) / scale[g]!) + zero[g]!)),
        )
        const y = quantizeAffine(
          upload(device, 'float32', dims, x),
          upload(device, 'float32', scaleDims, scale),
          {
            bits,
            group,
            axis,
            zero: upload(device, 'int32', scaleDims, zero),
            offset: upload(device, 'float32', scaleDims, offset),
          },
        )
        const outDims = [...dims.slice(0, -1), packedRowBytes(dims.at(-1)!, bits)]
        await expectElements(y, packed(codes, dims.at(-1)!, bits), { dims: outDims, type: 'uint8' })
      }
    },
  },
  {
    kernel: 'dequantize',
    name: `affine codes of ${bits} bits, bit for bit, also some rows`,
    async run(device) {
      for (const shape of AFFINE_SHAPES) {
        for (const rich of [false, true]) {
          const { encoded, values } = affineWeight(device, shape, bits, rich)
          await expectElements(affineEncoding.decode(encoded), values, { dims: shape.dims })
          const rowSize = sizeOf(shape.dims.slice(1))
          const end = Math.ceil(shape.dims[0]! / 2)
          const out = device.empty('float32', [end, ...shape.dims.slice(1)])
          expect(affineEncoding.decode(encoded, { rows: [0, end], out })).toBe(out)
          await expectElements(out, values.slice(0, end * rowSize), { dims: out.dims })
        }
      }
    },
  },
  {
    kernel: 'linearAffine',
    name: `codes of ${bits} bits`,
    async run(device) {
      for (const shape of AFFINE_SHAPES.filter(each => each.dims.length === 2)) {
        const { encoded, values } = affineWeight(device, shape, bits, true)
        await linearConforms(device, encoded, values)
      }
    },
  },
])

/** A codebook weight of every layout with the values that it stands for. */
function codebookWeight(
  device: Device,
  [books, entries, d, bits]: readonly number[],
  scaledGroup?: number,
): AffineWeight {
  const rng = new Rng(54)
  const dims = [9, 12]
  const perRow = 12 / d!
  const table = normals(rng, books! * entries! * d!).map(fround)
  const codes = Array.from({ length: 9 * perRow }, () => rng.integer(entries!))
  const group = scaledGroup ?? 12
  const scale = normals(rng, 9 * Math.ceil(12 / group)).map(fround)
  const groups = groupsOf(dims, group, 1)
  const values = Array.from({ length: 108 }, (_, i) => {
    const j = Math.floor((i % 12) / d!)
    const value = table[((j % books!) * entries! + codes[Math.floor(i / 12) * perRow + j]!) * d! + (i % d!)]!
    return scaledGroup === undefined ? value : fround(value * scale[groups[i]!]!)
  })
  const parts = {
    codes: upload(device, 'uint8', [9, packedRowBytes(perRow, bits!)], packed(codes, perRow, bits!)),
    table: upload(device, 'float32', books === 1 ? [entries!, d!] : [books!, entries!, d!], table),
  }
  const scalePart = { scale: upload(device, 'float32', [9, Math.ceil(12 / group)], scale) }
  return {
    encoded: codebook(scaledGroup === undefined ? parts : { ...parts, ...scalePart }, {
      dims,
      bits: bits!,
      group,
    }),
    values,
  }
}

/** A sparse weight of either pattern with the values that it stands for. */
function sparseWeight(device: Device, pattern: 'rows' | 'nOfM'): AffineWeight {
  const rng = new Rng(55)
  const [rows, columns] = [7, 12]
  const values = new Array<number>(rows * columns).fill(0)
  const kept: number[] = []
  const index: number[] = []
  const starts = [0]
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      // 2 of every 3, a different one missing each time; or a third of all, and an empty row.
      const keep =
        pattern === 'nOfM'
          ? column % 3 !== (row + Math.floor(column / 3)) % 3
          : row !== 3 && rng.integer(3) === 0
      if (!keep) continue
      values[row * columns + column] = fround(rng.normal())
      kept.push(values[row * columns + column]!)
      index.push(pattern === 'nOfM' ? column % 3 : column)
    }
    starts.push(kept.length)
  }
  if (pattern === 'nOfM') {
    const parts = {
      values: upload(device, 'float32', [rows, 8], kept),
      index: upload(device, 'uint8', [rows, 2], packed(index, 8, 2)),
    }
    return { encoded: sparse(parts, { dims: [rows, columns], pattern, n: 2, m: 3 }), values }
  }
  const parts = {
    values: upload(device, 'float32', [kept.length], kept),
    index: upload(device, 'int32', [kept.length], index),
    starts: upload(device, 'int32', [rows + 1], starts),
  }
  return { encoded: sparse(parts, { dims: [rows, columns], pattern }), values }
}

/** books, entries, d, bits: scalar, vectors, several books, more bits than entries need, 9 and 12 bits. */
const CODEBOOKS = [
  [1, 16, 1, 4],
  [1, 8, 3, 3],
  [3, 20, 2, 5],
  [2, 100, 4, 9],
  [1, 4000, 1, 12],
  [1, 2, 12, 1],
] as const

export const quantisedCases: readonly KernelCase[] = [
  ...bitCases,
  {
    kernel: 'quantizeAffine',
    name: 'a scale of 0, NaN and infinities give codes',
    hostOnly: true,
    async run(device) {
      const x = upload(device, 'float32', [1, 6], [NaN, Infinity, -Infinity, 5, -0, 1e38])
      const options = { bits: 8, group: 6, axis: 1, zero: upload(device, 'int32', [1, 1], [7]) }
      const y = quantizeAffine(x, upload(device, 'float32', [1, 1], [1]), options)
      await expectElements(y, [7, 255, 0, 12, 7, 255], { dims: [1, 6], type: 'uint8' })
      const flat = quantizeAffine(x, upload(device, 'float32', [1, 1], [0]), options)
      await expectElements(flat, [7, 7, 7, 7, 7, 7], { dims: [1, 6], type: 'uint8' })
    },
  },
  ...(['linearCodebook', 'dequantize'] as const).map(
    (kernel): KernelCase => ({
      kernel,
      name: 'codebooks: scalars, vectors, several books, scales',
      async run(device) {
        for (const layout of CODEBOOKS) {
          for (const group of [undefined, 5]) {
            const { encoded, values } = codebookWeight(device, layout, group)
            if (kernel === 'dequantize')
              await expectElements(codebookEncoding.decode(encoded), values, { dims: [9, 12] })
            else await linearConforms(device, encoded, values)
          }
        }
      },
    }),
  ),
  ...(['linearSparse', 'dequantize'] as const).flatMap(kernel =>
    (['rows', 'nOfM'] as const).map(
      (pattern): KernelCase => ({
        kernel,
        name: `sparse, ${pattern}`,
        async run(device) {
          const { encoded, values } = sparseWeight(device, pattern)
          if (kernel === 'dequantize')
            await expectElements(sparseEncoding.decode(encoded), values, { dims: [7, 12] })
          else await linearConforms(device, encoded, values)
        },
      }),
    ),
  ),
]
