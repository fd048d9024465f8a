import { kernel } from '../../device/kernel.ts'
import { unpackRow } from '../../tensor/bits.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type DecodeOptions, deviceOf, type Encoded, type Encoding, encoded } from '../encoded.ts'
import {
  checkGroupedCodes,
  codeRows,
  type GroupedMeta,
  groupedMeta,
  groupedRowParts,
  groupNumbers,
  selectGroupedRows,
} from '../grouped-codes.ts'
import { linearTiled } from '../linear-tiled.ts'
import { decoded, matrixRows, part, rowRange } from '../parts.ts'
import type { RowSelection, SelectRows } from '../row-selection.ts'

/**
 * Integer codes on a line: (code − zero) · scale + offset, in float32 and in this order, which is
 * what ggml, ONNX Runtime and AWQ compute, bit for bit. Every part is a tensor or an encoding. Zeros may be floats, as HQQ
 * has them: for those `device.pack` has no layout.
 *
 * @param parts.codes  uint8 (…, ⌈columns · bits / 8⌉), rows packed as in `packRow`
 * @param parts.scale  one number a group: the shape of the whole with ⌈length / group⌉ along `axis`;
 *   other axes may be 1, and the last group may be short
 * @param parts.zero  numbers of the shape of `scale`, or (1, …): one for all groups; 0 without
 * @param parts.offset  floats, likewise; 0 without
 * @param options.dims  the shape of the whole
 * @throws {FormatError} when the shapes do not fit
 * @example
 * const codes = new Tensor('uint8', [0x21, 0x43], [1, 2])
 * const scale = new Tensor('float32', [0.5], [1, 1])
 * const weight = affine({ codes, scale }, { dims: [1, 4], bits: 4, group: 4, axis: 1 })
 * decode(weight).data // => Float32Array [0.5, 1, 1.5, 2]
 */
export function affine(
  parts: {
    codes: Tensor | Encoded
    scale: Tensor | Encoded
    zero?: Tensor | Encoded | undefined
    offset?: Tensor | Encoded | undefined
  },
  options: { dims: readonly number[]; bits: number; group: number; axis: number },
): Encoded {
  return encoded(affineEncoding, 'float32', options.dims, { ...parts }, groupedMeta(options.dims, options))
}

/** The kind of {@link affine}. */
export const affineEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'affine',
  check: checkAffine,
  decode: /* @__PURE__ */ kernel('dequantize', decodeAffine),
  linear: /* @__PURE__ */ kernel('linearAffine', linearTiled),
  selectRows: selectAffine,
  rowParts: rowPartsOfAffine,
})

const NUMBERS = ['scale', 'zero', 'offset']

function checkAffine(e: Encoded): void {
  part(e, 'scale')
  checkGroupedCodes(e, 8, 1, NUMBERS)
}

function decodeAffine(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { bits } = e.meta as unknown as GroupedMeta
  const [start, end] = rowRange(e, options)
  const groups = groupNumbers(e, start, end, NUMBERS)
  const { bytes, rowBytes, perRow, lead } = codeRows(e, start, end, 1)
  const made = deviceOf(e, options).empty('float32', [end - start, ...e.dims.slice(1)])
  const scale = groups.of('scale')!
  const zero = groups.of('zero')
  const offset = groups.of('offset')
  const packed = bytes.data as Uint8Array
  const values = made.data as Float32Array
  const codes = new Uint8Array(perRow)
  const { row: firstRow, count, width } = matrixRows(e.dims, start, end)
  for (let i = 0; i < count; i++) {
    unpackRow(packed, bits, codes, i * rowBytes)
    const row = groups.row(firstRow + i)
    for (let j = 0; j < width; j++) {
      const code = codes[lead + j]!
      const g = row + groups.columns[j]!
      const scaled = (zero === undefined ? code : Math.fround(code - zero[g]!)) * scale[g]!
      values[i * width + j] = offset === undefined ? scaled : Math.fround(scaled) + offset[g]!
    }
  }
  return decoded(e, made, options)
}

function selectAffine(e: Encoded, rows: RowSelection, select: SelectRows): Encoded | undefined {
  return selectGroupedRows(e, rows, select, NUMBERS)
}

function rowPartsOfAffine(e: Encoded): readonly string[] {
  return groupedRowParts(e, NUMBERS)
}
