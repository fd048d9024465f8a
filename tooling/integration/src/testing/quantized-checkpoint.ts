import { affine, packRow, type Rng, Tensor, toFloat32 } from '@tersor/core-tensor'
import { cast, transpose } from '@tersor/core-tensor/reference'

/** A weight of 4-bit codes with whole zeros, as programs store it that quantize. */
export interface Codes {
  /** (out, in) */
  readonly dims: readonly [out: number, columns: number]
  readonly group: number
  /** (out, in), 0 to 15 */
  readonly codes: Uint8Array
  /** float16 (out, groups) */
  readonly scale: Tensor
  /** (out, groups), 1 to 15 */
  readonly zeros: Uint8Array
}

/** A matrix rounded to codes of 4 bits; rows are a multiple of 8, and columns of the group. */
export function codesOf(weight: Tensor, group: number): Codes {
  const [out, columns] = weight.dims as [number, number]
  const groups = columns / group
  const values = toFloat32(weight)
  const groupAt = (g: number) => values.subarray(g * group, (g + 1) * group)
  const steps = Float32Array.from({ length: out * groups }, (_, g) => {
    const [low, high] = [Math.min(0, ...groupAt(g)), Math.max(0, ...groupAt(g))]
    return (high - low) / 13
  })
  const scale = cast(new Tensor('float32', steps, [out, groups]), 'float16')
  const stored = toFloat32(scale)
  const zeros = Uint8Array.from(stored, (step, g) =>
    Math.max(1, Math.round(-Math.min(0, ...groupAt(g)) / step)),
  )
  const codes = Uint8Array.from(values, (value, i) => {
    const g = Math.floor(i / group)
    return Math.min(15, Math.max(0, Math.round(value / stored[g]!) + zeros[g]!))
  })
  return { dims: [out, columns], group, codes, scale, zeros }
}

/** The same weight as Tersor has it. */
export function asAffine({ dims, group, codes, scale, zeros }: Codes) {
  const [out, columns] = dims
  const zero = new Tensor('uint8', zeros, [out, columns / group])
  return affine({ codes: packedRows(codes, dims), scale, zero }, { dims, bits: 4, group, axis: 1 })
}

/** Tensors of a module by what their names end with, for each layout; what a configuration says of it stands in `configOf`. */
export const writers: Readonly<Record<string, (codes: Codes, rng: Rng) => Record<string, Tensor>>> = {
  gptq: codes =>
    gptqTensors(
      codes,
      Int32Array.from({ length: codes.dims[1] }, (_, i) => Math.floor(i / codes.group)),
    ),
  'gptq, act order'(codes, rng) {
    const groupOf = Int32Array.from({ length: codes.dims[1] }, (_, i) => Math.floor(i / codes.group))
    for (let i = groupOf.length - 1; i > 0; i--) {
      const j = rng.integer(i + 1)
      ;[groupOf[i], groupOf[j]] = [groupOf[j]!, groupOf[i]!]
    }
    return gptqTensors(codes, groupOf)
  },
  awq({ dims, group, codes, scale, zeros }) {
    const order = [0, 2, 4, 6, 1, 3, 5, 7]
    const [out, columns] = dims
    const words = (rows: number, at: (row: number, o: number) => number) => {
      const packed = new Int32Array((rows * out) / 8)
      for (let row = 0; row < rows; row++)
        for (let o = 0; o < out; o++)
          packed[(row * out + o) >> 3]! |= at(row, (o & ~7) + order[o & 7]!) << (4 * (o & 7))
      return new Tensor('int32', packed, [rows, out / 8])
    }
    const groups = columns / group
    return {
      '.qweight': words(columns, (i, o) => codes[o * columns + i]!),
      '.qzeros': words(groups, (g, o) => zeros[o * groups + g]!),
      '.scales': transpose(scale, [1, 0]),
    }
  },
  'compressed-tensors'({ dims, group, codes, scale, zeros }) {
    const [out, columns] = dims
    const groups = columns / group
    const turned = new Int32Array((out / 8) * groups)
    for (let o = 0; o < out; o++)
      for (let g = 0; g < groups; g++)
        turned[(o >> 3) * groups + g]! |= zeros[o * groups + g]! << (4 * (o & 7))
    return {
      '.weight_packed': new Tensor('int32', packedRows(codes, dims).data, [out, columns / 8]),
      '.weight_scale': scale,
      '.weight_shape': new Tensor('int64', BigInt64Array.from(dims, BigInt), [2]),
      '.weight_zero_point': new Tensor('int32', turned, [out / 8, groups]),
    }
  },
}

/** `quantization_config` of a layout. */
export function configOf(layout: string, group: number): object {
  if (layout === 'awq')
    return { quant_method: 'awq', bits: 4, group_size: group, zero_point: true, version: 'gemm' }
  if (layout.startsWith('gptq'))
    return { quant_method: 'gptq', bits: 4, group_size: group, sym: false, desc_act: layout !== 'gptq' }
  const weights = { num_bits: 4, type: 'int', symmetric: false, strategy: 'group', group_size: group }
  return {
    quant_method: 'compressed-tensors',
    format: 'pack-quantized',
    config_groups: { group_0: { targets: ['Linear'], weights } },
  }
}

/** Columns in another order where `groupOf` says so: column i of the weight is the next one of its group. */
function gptqTensors(
  { dims, group, codes, scale, zeros }: Codes,
  groupOf: Int32Array,
): Record<string, Tensor> {
  const [out, columns] = dims
  const groups = columns / group
  const places = placesOf(groupOf, group)
  const words = new Int32Array((columns / 8) * out)
  for (let i = 0; i < columns; i++)
    for (let o = 0; o < out; o++)
      words[(i >> 3) * out + o]! |= codes[o * columns + places[i]!]! << (4 * (i & 7))
  const packed = new Int32Array((groups * out) / 8)
  for (let g = 0; g < groups; g++)
    for (let o = 0; o < out; o++) packed[(g * out + o) >> 3]! |= (zeros[o * groups + g]! - 1) << (4 * (o & 7))
  return {
    '.qweight': new Tensor('int32', words, [columns / 8, out]),
    '.qzeros': new Tensor('int32', packed, [groups, out / 8]),
    '.scales': transpose(scale, [1, 0]),
    '.g_idx': new Tensor('int32', groupOf, [columns]),
  }
}

/** Which column of the weight in the order of its groups each one is. */
export function placesOf(groupOf: Int32Array, group: number): Int32Array {
  const filled = new Map<number, number>()
  return groupOf.map(of => {
    const count = filled.get(of) ?? 0
    filled.set(of, count + 1)
    return of * group + count
  })
}

function packedRows(codes: Uint8Array, [out, columns]: readonly [number, number]): Tensor {
  const packed = new Uint8Array((out * columns) / 2)
  for (let o = 0; o < out; o++)
    packRow(codes.subarray(o * columns, (o + 1) * columns), 4, packed, (o * columns) / 2)
  return new Tensor('uint8', packed, [out, columns / 2])
}
