import { affine, type Encoded, packRow, Tensor, UnsupportedError } from '@tersor/core-tensor'
import type { Layout } from './layout.ts'
import { flatGroups } from './parts/flat-groups.ts'
import { rowScaled } from './parts/row-scaled.ts'
import { SIGNED_ZERO, signedCodes } from './parts/signed-codes.ts'
import type { StoredModule } from './stored-module.ts'

/** What quanto stores of activations: 1 where they are not quantized. */
const BESIDE = ['.input_scale', '.output_scale']

/** 8 bits of optimum-quanto: `weight._data` int8 or E4M3 (out, in) times `weight._scale` of its row. */
export const quanto8bit: Layout = {
  name: 'quanto 8-bit',
  methods: ['quanto'],
  mark: '.weight._data',
  beside: BESIDE,
  weight(module) {
    const { dtype } = module.info('.weight._data')
    if (dtype !== 'I8' && dtype !== 'F8_E4M3') {
      throw new UnsupportedError(
        `[formats/quanto] expected int8 or float8_e4m3fn for '${module.name}', got ${dtype}; quantise the model to one of these`,
      )
    }
    const dims = module.matrix('.weight._data')
    const [out, columns] = dims
    return {
      dims,
      parts: ['.weight._data', '.weight._scale'],
      async load() {
        const scale = await module.read('.weight._scale')
        if (scale.size !== out && scale.size !== 1)
          throw module.malformed(`expected a scale for each of ${out} rows, got [${scale.dims}]`)
        if (dtype !== 'I8') return rowScaled(await module.read('.weight._data'), scale)
        return affine(
          {
            codes: signedCodes(await module.bytes('.weight._data'), dims),
            scale: scale.reshape([scale.size, 1]),
            zero: new Tensor('uint8', [SIGNED_ZERO], [1, 1]),
          },
          { dims, bits: 8, group: columns, axis: 1 },
        )
      },
    }
  },
}

/**
 * 4 and 2 bits of optimum-quanto: the matrix read row by row in groups of 128, one below the other; byte row r of `weight._data._data` holds
 * rows r, r + R/2 (or r + R/4, …), the first in the low bits. w = scale · code − shift. Which shape the weight has is not
 * stored: the model has to say.
 */
export const quantoPacked: Layout = {
  name: 'quanto',
  methods: ['quanto'],
  mark: '.weight._data._data',
  beside: BESIDE,
  weight(module) {
    const [byteRows, size] = module.matrix('.weight._data._data')
    const groups = module.info('.weight._scale').dims[0] ?? 0
    // Rows of bytes are filled up, so that groups need not be a multiple of codes in a byte.
    const bits = byteRows === Math.ceil(groups / 2) ? 4 : byteRows === Math.ceil(groups / 4) ? 2 : 0
    if (bits === 0)
      throw module.malformed(`expected 2 or 4 rows of ${groups} in a byte, got ${byteRows} rows of bytes`)
    const dims = module.dims ?? [groups, size]
    if (dims.length !== 2 || dims[0]! * dims[1]! !== groups * size)
      throw module.malformed(`expected ${groups} groups of ${size} for [${dims}]`)
    return {
      dims,
      parts: ['.weight._data._data', '.weight._scale', '.weight._shift'],
      load: () => loadPacked(module, dims as [number, number], bits),
    }
  },
}

async function loadPacked(
  module: StoredModule,
  dims: readonly [number, number],
  bits: number,
): Promise<Encoded> {
  const [byteRows, size] = module.matrix('.weight._data._data')
  const stored = await module.bytes('.weight._data._data')
  const scales = await module.floats('.weight._scale')
  const shifts = await module.floats('.weight._shift')
  if (shifts.length !== scales.length)
    throw module.malformed(`expected as many shifts as scales, got ${shifts.length} and ${scales.length}`)
  const [out, columns] = dims
  const codes = new Uint8Array(out * columns)
  for (let at = 0; at < codes.length; at++) {
    const row = Math.floor(at / size)
    const byte = stored[(row % byteRows) * size + (at % size)]!
    codes[at] = (byte >> (bits * Math.floor(row / byteRows))) & (2 ** bits - 1)
  }
  const { group, index } = flatGroups(dims, size)
  const packed = new Uint8Array(Math.ceil((columns * bits) / 8) * out)
  for (let o = 0; o < out; o++)
    packRow(codes.subarray(o * columns, (o + 1) * columns), bits, packed, (o * packed.length) / out)
  const shape = [out, columns / group]
  return affine(
    {
      codes: new Tensor('uint8', packed, [out, packed.length / out]),
      scale: new Tensor(
        'float32',
        Float32Array.from(index, i => scales[i]!),
        shape,
      ),
      offset: new Tensor(
        'float32',
        Float32Array.from(index, i => -shifts[i]!),
        shape,
      ),
    },
    { dims, bits, group, axis: 1 },
  )
}
