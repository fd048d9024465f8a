import {
  affine,
  type Encoded,
  numbersOf,
  packedRowBytes,
  packRow,
  permuted,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import type { Layout } from './layout.ts'
import { flatGroups } from './parts/flat-groups.ts'
import type { StoredModule } from './stored-module.ts'

/** What HQQ stores of how it went about it. */
const BESIDE = [
  '.axis',
  '.channel_wise',
  '.compute_dtype',
  '.encoded_state_dict',
  '.group_size',
  '.nbits',
  '.offload_meta',
  '.optimize',
  '.packing',
  '.quant_scale',
  '.quant_zero',
  '.round_zero',
  '.shape',
  '.stores_quant_config',
  '.unpack_view_dtype',
  '.view_as_float',
]

/**
 * Half-quadratic quantization (Badri and Shaji, 2023): the matrix read row by row, in groups one below the other (axis 1) or side
 * by side (axis 0); codes are packed by halves of those rows, the first in the high bits, 3 bits ten to an int32. w = (code − zero) ·
 * scale, zeros being floats.
 */
export const hqq: Layout = {
  name: 'hqq',
  methods: ['hqq'],
  mark: '.W_q',
  beside: BESIDE,
  weight(module) {
    return {
      // The shape is a tensor: until it is read, all weights are one row of as many codes as groups have.
      dims: module.dims ?? [1, module.info('.W_q').byteLength],
      parts: ['.W_q', '.scale', '.zero', ...module.present(BESIDE)],
      load: () => load(module),
    }
  },
}

async function load(module: StoredModule): Promise<Encoded> {
  for (const nested of ['.quant_scale', '.quant_zero']) {
    if (module.has(nested) && (await module.number(nested)) !== 0) {
      throw new UnsupportedError(
        `[formats/hqq] expected plain scales and zeros for '${module.name}', got quantized ones ('${nested.slice(1)}'); quantise the model without them`,
      )
    }
  }
  const shape = numbersOf(await module.read('.shape'))
  const [out = 0, columns = 0] = shape
  const bits = await module.number('.nbits')
  const axis = await module.number('.axis')
  const scale = await module.read('.scale')
  const zero = await module.read('.zero')
  const groups = scale.size
  if (
    shape.length !== 2 ||
    ![1, 2, 3, 4, 8].includes(bits) ||
    (out * columns) % groups !== 0 ||
    zero.size !== groups
  )
    throw module.malformed(`expected groups with a scale and a zero of [${shape}] in ${bits} bits`)
  const size = (out * columns) / groups
  const rows = axis === 1 ? groups : size
  const codes = await codesOf(module, { bits, rows, width: (out * columns) / rows })
  const packed = packedMatrix(codes, [out, columns], bits)
  if (axis === 1) return alongRows(module, packed, { dims: [out, columns], bits, size, scale, zero })
  return downRows(module, packed, { dims: [out, columns], bits, size, scale, zero })
}

/** Codes of a matrix (rows, width), one behind the other. */
async function codesOf(
  module: StoredModule,
  { bits, rows, width }: { bits: number; rows: number; width: number },
): Promise<Uint8Array> {
  const bytes = await module.bytes('.W_q')
  const stored = bits === 3 ? new Int32Array(bytes.buffer) : bytes
  const perUnit = bits === 3 ? 10 : 8 / bits
  const top = bits === 3 ? 27 : 8 - bits
  const storedRows = stored.length / width
  if (storedRows !== Math.ceil(rows / perUnit))
    throw module.malformed(`expected ${Math.ceil(rows / perUnit)} packed rows of ${width}, got ${storedRows}`)
  const codes = new Uint8Array(rows * width)
  for (let row = 0; row < rows; row++) {
    const shift = top - bits * Math.floor(row / storedRows)
    const from = (row % storedRows) * width
    for (let i = 0; i < width; i++) codes[row * width + i] = (stored[from + i]! >> shift) & (2 ** bits - 1)
  }
  return codes
}

function packedMatrix(codes: Uint8Array, [out, columns]: readonly [number, number], bits: number): Tensor {
  const rowBytes = packedRowBytes(columns, bits)
  const packed = new Uint8Array(out * rowBytes)
  for (let o = 0; o < out; o++)
    packRow(codes.subarray(o * columns, (o + 1) * columns), bits, packed, o * rowBytes)
  return new Tensor('uint8', packed, [out, rowBytes])
}

interface Groups {
  readonly dims: readonly [out: number, columns: number]
  readonly bits: number
  /** Weights of a group. */
  readonly size: number
  readonly scale: Tensor
  readonly zero: Tensor
}

async function alongRows(module: StoredModule, codes: Tensor, { dims, bits, size, scale, zero }: Groups) {
  const { group, index } = flatGroups(dims, size)
  const shape = [dims[0], dims[1] / group]
  if (index.length === scale.size)
    return affine(
      { codes, scale: scale.reshape(shape), zero: zero.reshape(shape) },
      { dims, bits, group, axis: 1 },
    )
  const [scales, zeros] = [await module.floats('.scale'), await module.floats('.zero')]
  const spread = (numbers: Float32Array) =>
    new Tensor(
      'float32',
      Float32Array.from(index, i => numbers[i]!),
      shape,
    )
  return affine({ codes, scale: spread(scales), zero: spread(zeros) }, { dims, bits, group, axis: 1 })
}

/**
 * Groups side by side: weight i of the matrix read row by row lies in group i mod `groups`. Either a row has them several times over, and
 * all rows have the same numbers; or rows that are some way apart share theirs, and are put together.
 */
async function downRows(
  module: StoredModule,
  codes: Tensor,
  { dims, bits, size, scale, zero }: Groups,
): Promise<Encoded> {
  const [out, columns] = dims
  const groups = scale.size
  if (columns % groups === 0) {
    const repeated = (numbers: Float32Array) =>
      new Tensor(
        'float32',
        Float32Array.from({ length: columns }, (_, i) => numbers[i % groups]!),
        [1, columns],
      )
    const [scales, zeros] = [await module.floats('.scale'), await module.floats('.zero')]
    return affine(
      { codes, scale: repeated(scales), zero: repeated(zeros) },
      { dims, bits, group: 1, axis: 1 },
    )
  }
  if (groups % columns !== 0)
    throw module.malformed(`expected ${groups} groups side by side that fill rows of ${columns}`)
  const apart = groups / columns
  const rowBytes = codes.size / out
  const moved = new Uint8Array(codes.size)
  const index = new Int32Array(out)
  for (let o = 0; o < out; o++) {
    const to = (o % apart) * size + Math.floor(o / apart)
    index[o] = to
    moved.set((codes.data as Uint8Array).subarray(o * rowBytes, (o + 1) * rowBytes), to * rowBytes)
  }
  const shape = [apart, columns]
  const base = affine(
    {
      codes: new Tensor('uint8', moved, [out, rowBytes]),
      scale: scale.reshape(shape),
      zero: zero.reshape(shape),
    },
    { dims, bits, group: size, axis: 0 },
  )
  return permuted(base, new Tensor('int32', index, [out]), 0)
}
