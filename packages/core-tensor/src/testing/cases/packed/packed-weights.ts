import { expect } from 'vitest'
import type { Device } from '../../../device/device.ts'
import { byteLength, decode, type Encoded, isEncoded, linear } from '../../../encoded/encoded.ts'
import { affine } from '../../../encoded/kinds/affine.ts'
import { codebook } from '../../../encoded/kinds/codebook.ts'
import { dense } from '../../../encoded/kinds/dense.ts'
import { product } from '../../../encoded/kinds/product.ts'
import { sparse } from '../../../encoded/kinds/sparse.ts'
import { sum } from '../../../encoded/kinds/sum.ts'
import { withParts } from '../../../encoded/with-parts.ts'
import { cast } from '../../../reference/cast.ts'
import { Rng } from '../../../rng.ts'
import { packedRowBytes } from '../../../tensor/bits.ts'
import { Tensor } from '../../../tensor/tensor.ts'
import { complement } from '../../complement.ts'
import type { KernelCase } from '../../describe-device.ts'
import { expectElements, hostTensor, normals, numbersIn, random, sameBytes, upload } from '../fixtures.ts'
import { sharedResult } from '../shared-result.ts'
import { linearConforms } from '../weights.ts'

/** One row and column, around tiles of 4, 8, 16 and 64 rows, short last groups, larger. */
const SHAPES: readonly (readonly [n: number, k: number, group: number])[] = [
  [1, 1, 32],
  [3, 31, 32],
  [4, 32, 32],
  [5, 64, 32],
  [7, 100, 32],
  [16, 128, 64],
  [17, 96, 96],
  [33, 160, 16],
  [65, 257, 128],
  [130, 512, 32],
]

const SHIFTS = ['none', 'zero', 'constantZero', 'offset'] as const

interface Layout {
  readonly n: number
  readonly k: number
  readonly group: number
  readonly bits: number
  readonly scaleType: 'float16' | 'float32'
  readonly shift: (typeof SHIFTS)[number]
}

function affineOf(device: Device, { n, k, group, bits, scaleType, shift }: Layout): Encoded {
  const rng = new Rng(n + k + bits)
  const groups = [n, Math.ceil(k / group)] as const
  const count = groups[0] * groups[1]
  const bytes = Array.from({ length: n * packedRowBytes(k, bits) }, () => rng.integer(256))
  const zeros = Array.from({ length: count }, () =>
    shift === 'zero' ? rng.integer(2 ** bits) : 2 ** (bits - 1),
  )
  return affine(
    {
      codes: upload(device, 'uint8', [n, packedRowBytes(k, bits)], withoutPadding(bytes, n, k, bits)),
      scale: upload(device, scaleType, groups, normals(rng, count)),
      zero: shift === 'zero' || shift === 'constantZero' ? upload(device, 'uint8', groups, zeros) : undefined,
      offset: shift === 'offset' ? upload(device, scaleType, groups, normals(rng, count)) : undefined,
    },
    { dims: [n, k], bits, group, axis: 1 },
  )
}

/** The last bits of a row that no code uses are zero, as every packer writes them. */
function withoutPadding(bytes: number[], n: number, k: number, bits: number): number[] {
  const rowBytes = packedRowBytes(k, bits)
  const used = k * bits - 8 * (rowBytes - 1)
  for (let row = 0; row < n && rowBytes > 0; row++) bytes[(row + 1) * rowBytes - 1]! &= 2 ** used - 1
  return bytes
}

/** What a weight stands for, and how far the product may take its rows to be off. */
interface Values {
  w: Float64Array
  roundings: Float64Array
}

async function valuesOf(weight: Encoded): Promise<Values> {
  return { w: await numbersIn(decode(weight)), roundings: await roundingOfWeights(weight) }
}

/**
 * Packed products against the definition: activations may be rounded to 14 bits or more of the
 * largest of their row, and sums run in float32; of weights see {@link roundingOfWeights}.
 */
async function expectProduct(x: Tensor, packed: Encoded, { w, roundings }: Values): Promise<void> {
  const [n, k] = packed.dims as [number, number]
  const rows = await numbersIn(x)
  const { expected, bound } = sharedResult('packed product', [rows, w, roundings], () =>
    boundedProduct(rows, w, roundings),
  )
  const y = linear(x, packed)
  expect(y.dims).toEqual([...x.dims.slice(0, -1), n])
  const actual = await numbersIn(y)
  const far = actual.findIndex((value, i) => !(Math.abs(value - expected[i]!) <= bound[i]! + 1e-12))
  if (far >= 0) {
    expect.fail(
      `element ${far} of [${y.dims}], k ${k}: expected ${expected[far]} within ${bound[far]}, got ${actual[far]}`,
    )
  }
  const twice = await numbersIn(linear(x, packed, { out: y, accumulate: true }))
  for (const [i, value] of twice.entries()) {
    if (!(Math.abs(value - 2 * expected[i]!) <= 2 * bound[i]! + 1e-5 * Math.abs(expected[i]!)))
      expect.fail(`element ${i}: expected ${2 * expected[i]!} after adding, got ${value}`)
  }
}

/** x·wᵀ in float64, and how far from it the rounding of activations, sums and weights may lead. */
function boundedProduct(x: Float64Array, w: Float64Array, roundings: Float64Array) {
  const n = roundings.length
  const k = w.length / Math.max(n, 1)
  const m = x.length / Math.max(k, 1)
  const expected = new Float64Array(m * n)
  const bound = new Float64Array(m * n)
  for (let i = 0; i < m; i++) {
    const row = x.subarray(i * k, (i + 1) * k)
    const unit = 2 ** -14 * largestOf(row)
    for (let j = 0; j < n; j++) {
      let sum = 0
      let far = 0
      for (let p = 0; p < k; p++) {
        const value = row[p]!
        const weight = w[j * k + p]!
        const size = Math.abs(value)
        sum += value * weight
        far += (unit + 1e-6 * size) * Math.abs(weight) + roundings[j]! * size
      }
      expected[i * n + j] = sum
      bound[i * n + j] = far
    }
  }
  return { expected, bound }
}

/**
 * How far the weights of each row may be off: levels of a table are rounded, and sums of zeros are
 * subtracted from sums of codes, each of them rounded to float32.
 */
async function roundingOfWeights({ parts, dims }: Encoded): Promise<Float64Array> {
  const [n] = dims as [number]
  const of = async (part: Tensor | Encoded | undefined) =>
    part instanceof Tensor ? largestOf(await numbersIn(part)) : 0
  const most = 2 ** -14 * (await of(parts.table)) + 2 ** -23 * (await of(parts.zero))
  if (most === 0) return new Float64Array(n)
  const scale = await numbersIn(parts.scale as Tensor)
  const groups = scale.length / n
  return Float64Array.from(
    { length: n },
    (_, j) => most * largestOf(scale.subarray(j * groups, (j + 1) * groups)),
  )
}

function largestOf(values: Float64Array): number {
  return values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
}

async function expectSameTree(actual: Tensor | Encoded, expected: Tensor | Encoded): Promise<void> {
  if (!isEncoded(actual) || !isEncoded(expected)) {
    const [a, b] = [actual as Tensor, expected as Tensor]
    expect([a.type, ...a.dims]).toEqual([b.type, ...b.dims])
    expect(sameBytes(await a.read(), await b.read())).toBe(true)
    return
  }
  expect([actual.encoding, actual.type, actual.dims, actual.meta]).toEqual([
    expected.encoding,
    expected.type,
    expected.dims,
    expected.meta,
  ])
  expect(Object.keys(actual.parts).sort()).toEqual(Object.keys(expected.parts).sort())
  for (const [name, part] of Object.entries(expected.parts)) await expectSameTree(actual.parts[name]!, part)
}

/** Everything that a packed weight must do: come back exactly, decode exactly, multiply well. */
async function packedConforms(device: Device, weight: Encoded): Promise<void> {
  const packed = device.pack(weight)
  await expectSameTree(device.unpack(packed), weight)
  expect(byteLength(device.unpack(packed))).toBe(byteLength(weight))
  expect(sameBytes(await decode(packed).read(), await decode(weight).read())).toBe(true)
  const [n, k] = weight.dims as [number, number]
  const rows = [Math.floor(n / 3), Math.ceil(n / 2)] as const
  expect(sameBytes(await decode(packed, { rows }).read(), await decode(weight, { rows }).read())).toBe(true)
  const values = await valuesOf(weight)
  for (const m of [1, 2, 5, 33]) {
    const x = random(device, new Rng(m), [m, k])
    await expectProduct(x, packed, values)
    if (!device.host) continue
    const ordered = await linear(x, packed, { order: 'sequential' }).read()
    const rows = await numbersIn(x)
    const onReference = sharedResult('packed product in sequence', [rows, values.w], () => {
      const [a, b] = [hostTensor('float32', x.dims, rows), hostTensor('float32', [n, k], values.w)]
      return linear(a, b, { order: 'sequential' }).data
    })
    expect(sameBytes(ordered, onReference)).toBe(true)
  }
}

const affineCases = [2, 3, 4, 5, 8].flatMap(bits =>
  SHIFTS.map(
    (shift): KernelCase => ({
      kernel: 'linearAffine',
      name: `packed codes of ${bits} bits with ${shift === 'none' ? 'no zero' : `a ${shift}`}`,
      async run(device) {
        for (const [n, k, group] of SHAPES) {
          for (const scaleType of ['float16', 'float32'] as const) {
            await packedConforms(device, affineOf(device, { n, k, group, bits, scaleType, shift }))
          }
        }
      },
    }),
  ),
)

export const packedWeightCases: readonly KernelCase[] = [
  ...affineCases,
  {
    kernel: 'linearCodebook',
    name: 'packed codes into tables of 16 and fewer levels',
    async run(device) {
      for (const [n, k, group] of SHAPES) {
        for (const [bits, entries] of [
          [4, 16],
          [4, 11],
          [3, 8],
          [2, 4],
        ] as const) {
          const rng = new Rng(n + k)
          const groups = [n, Math.ceil(k / group)] as const
          const codes = Array.from({ length: n * k }, () => rng.integer(entries))
          const rowBytes = packedRowBytes(k, bits)
          const bytes = new Array<number>(n * rowBytes).fill(0)
          for (let i = 0; i < n * k; i++) {
            const bit = (i % k) * bits
            const at = Math.floor(i / k) * rowBytes + (bit >> 3)
            bytes[at]! |= (codes[i]! << (bit & 7)) & 255
            if ((bit & 7) + bits > 8) bytes[at + 1]! |= codes[i]! >> (8 - (bit & 7))
          }
          const weight = codebook(
            {
              codes: upload(device, 'uint8', [n, rowBytes], bytes),
              table: upload(device, 'float32', [entries, 1], normals(rng, entries)),
              scale: upload(device, 'float16', groups, normals(rng, groups[0] * groups[1])),
            },
            { dims: [n, k], bits, group },
          )
          await packedConforms(device, weight)
          if (!device.host) continue
          const nested = withParts(weight, { table: dense(cast(weight.parts.table as Tensor, 'float16')) })
          const packed = device.pack(nested)
          await expectSameTree(device.unpack(packed), nested)
          expect(sameBytes(await decode(packed).read(), await decode(nested).read())).toBe(true)
        }
      }
    },
  },
  {
    kernel: 'linearAffine',
    name: 'activations that are all zero, tiny, huge and of mixed size',
    async run(device) {
      const weight = affineOf(device, {
        n: 9,
        k: 96,
        group: 32,
        bits: 4,
        scaleType: 'float16',
        shift: 'zero',
      })
      const packed = device.pack(weight)
      const values = await valuesOf(weight)
      const rng = new Rng(57)
      const noise = normals(rng, 96)
      for (const size of [0, 1e-30, 1e30]) {
        await expectProduct(
          upload(
            device,
            'float32',
            [1, 96],
            noise.map(v => v * size),
          ),
          packed,
          values,
        )
      }
      const mixed = noise.map((value, i) => (i === 40 ? 1000 : value))
      await expectProduct(upload(device, 'float32', [1, 96], mixed), packed, values)
    },
  },
  {
    kernel: 'linearAffine',
    name: 'packed inside sums and products',
    async run(device) {
      const base = affineOf(device, { n: 24, k: 64, group: 32, bits: 4, scaleType: 'float16', shift: 'zero' })
      const rng = new Rng(58)
      const [b, a] = [random(device, rng, [24, 4]), random(device, rng, [4, 64])]
      const tree = sum(base, product(dense(cast(b, 'float16')), dense(cast(a, 'float16'))))
      const packed = device.pack(tree)
      await expectSameTree(device.unpack(packed), tree)
      const x = random(device, rng, [3, 64])
      const expected = await numbersIn(linear(x, decode(tree)))
      await expectElements(linear(x, packed), expected, { dims: [3, 24], rtol: 1e-3, atol: 2e-2 })
    },
  },
  {
    kernel: 'linearAffine',
    name: 'packed codes with one zero for all groups, and with scales of scales',
    async run(device) {
      for (const [n, k, group] of SHAPES) {
        const scaleType = 'float16'
        for (const bits of [4, 8]) {
          const plain = affineOf(device, { n, k, group, bits, scaleType, shift: 'constantZero' })
          const zero = upload(device, 'uint8', [1, 1], [2 ** (bits - 1)])
          const weight = withParts(plain, { zero })
          expect(sameBytes(await decode(weight).read(), await decode(plain).read())).toBe(true)
          await packedConforms(device, weight)
        }
        const weight = affineOf(device, { n, k, group, bits: 4, scaleType, shift: 'offset' })
        const scale = affineOf(device, {
          n,
          k: Math.ceil(k / group),
          group: 8,
          bits: 6,
          scaleType,
          shift: 'none',
        })
        const nested = withParts(weight, { scale })
        const packed = device.pack(nested)
        await expectSameTree(device.unpack(packed), nested)
        expect(sameBytes(await decode(packed).read(), await decode(nested).read())).toBe(true)
        const x = random(device, new Rng(59), [2, k])
        const expected = await numbersIn(linear(x, decode(nested)))
        await expectElements(linear(x, packed), expected, {
          dims: [2, n],
          rtol: 1e-3,
          atol: 1e-2 * Math.sqrt(k),
        })
      }
    },
  },
  {
    kernel: 'linearAffine',
    name: 'packed codes and zeros that are encodings: decoded once',
    hostOnly: true,
    async run(device) {
      for (const [n, k, group] of SHAPES) {
        const layout = { n, k, group, bits: 4, scaleType: 'float16', shift: 'zero' } as const
        const plain = affineOf(device, layout)
        const { codes, zero } = plain.parts as Record<string, Tensor>
        const weight = withParts(plain, { codes: complement(codes!), zero: complement(zero!) })
        const packed = device.pack(weight)
        expect(sameBytes(await decode(packed).read(), await decode(plain).read())).toBe(true)
        if (packed === weight) continue // A device that packs nothing.
        await expectSameTree(packed, device.pack(plain))
        await expectSameTree(device.unpack(packed), plain)
        const other = device.pack(dense(complement(codes!)))
        await expectSameTree(other, dense(codes!))
      }
    },
  },
  ...(['float16', 'bfloat16', 'float8e4m3fn', 'float8e5m2', 'float32'] as const).map(
    (type): KernelCase => ({
      kernel: 'linearDense',
      name: `weights in ${type}`,
      hostOnly: type !== 'float16' && type !== 'float32',
      async run(device) {
        for (const [n, k] of SHAPES) {
          const weight = dense(random(device, new Rng(n + k), [n, k], type))
          await linearConforms(device, weight, await numbersIn(decode(weight)))
        }
      },
    }),
  ),
  ...(['float16', 'float32'] as const).map(
    (type): KernelCase => ({
      kernel: 'linearSparse',
      name: `two of each four columns, in ${type}`,
      async run(device) {
        for (const [n, k] of [
          [1, 8],
          [5, 24],
          [17, 64],
          [33, 264],
        ] as const) {
          const rng = new Rng(n + k)
          const index = new Array<number>((n * k) / 8).fill(0)
          for (let g = 0; g < (n * k) / 4; g++) {
            const first = rng.integer(3)
            const second = first + 1 + rng.integer(3 - first)
            index[g >> 1]! |= (first | (second << 2)) << (4 * (g & 1))
          }
          const values = upload(device, type, [n, k / 2], normals(rng, (n * k) / 2))
          const weight = sparse(
            { values, index: upload(device, 'uint8', [n, k / 8], index) },
            { dims: [n, k], pattern: 'nOfM', n: 2, m: 4 },
          )
          await linearConforms(device, weight, await numbersIn(decode(weight)))
        }
      },
    }),
  ),
]
