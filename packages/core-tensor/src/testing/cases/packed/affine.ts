import { expect } from 'vitest'
import type { Device } from '../../../device/device.ts'
import { groupDims } from '../../../encoded/groups.ts'
import { affine, affineEncoding } from '../../../encoded/kinds/affine.ts'
import { quantizeAffine } from '../../../reference/quantize-affine.ts'
import { Rng } from '../../../rng.ts'
import { packedRowBytes } from '../../../tensor/bits.ts'
import { sizeOf } from '../../../tensor/dims.ts'
import type { KernelCase } from '../../describe-device.ts'
import { expectElements, normals, upload } from '../fixtures.ts'
import { groupsOf, linearConforms, packed, type Weight } from '../weights.ts'

const { fround } = Math

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

function affineWeight(
  device: Device,
  shape: { dims: readonly number[]; group: number; axis: number },
  bits: number,
  rich: boolean | 'shared',
): Weight {
  const { dims, group, axis } = shape
  const rng = new Rng(51 + bits)
  const codes = Array.from({ length: sizeOf(dims) }, () => rng.integer(2 ** bits))
  const scaleDims = groupDims(dims, group, axis)
  const groups = sizeOf(scaleDims)
  const scale = normals(rng, groups).map(fround)
  // One for all groups, or one each.
  const shiftDims = rich === 'shared' ? dims.map(() => 1) : scaleDims
  const zero = Array.from({ length: sizeOf(shiftDims) }, () => rng.integer(2 ** bits))
  const offset = normals(rng, sizeOf(shiftDims)).map(fround)
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
    zero: upload(device, 'int32', shiftDims, zero),
    offset: upload(device, 'float32', shiftDims, offset),
  }
  const values = groupsOf(dims, group, axis).map((g, i) => {
    const at = rich === 'shared' ? 0 : g
    const scaled = fround((codes[i]! - (rich ? zero[at]! : 0)) * scale[g]!)
    return rich ? fround(scaled + offset[at]!) : scaled
  })
  return { encoded: affine(rich ? { ...parts, ...extra } : parts, { ...shape, bits }), values }
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
        for (const rich of [false, true, 'shared'] as const) {
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

export const affineCases: readonly KernelCase[] = [
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
]
