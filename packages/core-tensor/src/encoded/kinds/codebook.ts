import { kernel } from '../../device/kernel.ts'
import { unpackRow } from '../../tensor/bits.ts'
import { toFloat32 } from '../../tensor/convert.ts'
import { matrixDims, productOf } from '../../tensor/dims.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type DecodeOptions, decode, deviceOf, type Encoded, type Encoding, encoded } from '../encoded.ts'
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
import { decoded, isVisible, malformed, matrixRows, part, requireFloats, rowRange } from '../parts.ts'
import type { RowSelection, SelectRows } from '../row-selection.ts'
import { tiles } from '../tiles.ts'

/**
 * Codes into a table of numbers or short vectors, times a scale a group: NF4, k-means, product
 * quantisation. Each element is table[code] · scale in float32. Every part is a tensor or an encoding;
 * a table is decoded whole.
 *
 * @param parts.codes  uint8 (…, ⌈columns / d · bits / 8⌉), rows packed as in `packRow`
 * @param parts.table  float (entries, d), or (books, entries, d) where the j-th code of a row reads
 *   book j mod books; d consecutive elements of a row share a code
 * @param parts.scale  one number a group, as in `affine`; 1 without
 * @param options.dims  the shape of the whole; d divides its last dimension
 * @param options.bits  1 to 16 bits a code
 * @param options.group  elements along `axis` that share a scale; all of them by default
 * @param options.axis  the last by default
 * @throws {FormatError} when the shapes do not fit or a code points past the table
 * @example
 * const table = new Tensor('float32', [-1, 0, 1, 2], [4, 1])
 * const codes = new Tensor('uint8', [0b11_10_01_00], [1])
 * decode(codebook({ codes, table }, { dims: [4], bits: 2 })).data // => Float32Array [-1, 0, 1, 2]
 */
export function codebook(
  parts: { codes: Tensor | Encoded; table: Tensor | Encoded; scale?: Tensor | Encoded | undefined },
  options: { dims: readonly number[]; bits: number; group?: number | undefined; axis?: number | undefined },
): Encoded {
  return encoded(codebookEncoding, 'float32', options.dims, { ...parts }, groupedMeta(options.dims, options))
}

/** The kind of {@link codebook}. */
export const codebookEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'codebook',
  check: checkCodebook,
  decode: /* @__PURE__ */ kernel('dequantize', decodeCodebook),
  linear: /* @__PURE__ */ kernel('linearCodebook', linearTiled),
  selectRows: selectCodebook,
  rowParts: rowPartsOfCodebook,
})

const NUMBERS = ['scale']

function checkCodebook(e: Encoded): void {
  const table = part(e, 'table')
  const { entries, d } = tableDims(table)
  const { columns } = matrixDims(e.dims)
  if (table.dims.includes(0) || table.dims.length < 2 || table.dims.length > 3 || columns % d !== 0) {
    throw malformed(e, 'expected a table (entries, d) or (books, entries, d), d dividing the last dimension')
  }
  requireFloats(e, [table])
  checkGroupedCodes(e, 16, d, NUMBERS)
  const { bits } = e.meta as unknown as GroupedMeta
  if (entries < 2 ** bits && isVisible(part(e, 'codes'))) checkCodes(e, entries, d)
}

function checkCodes(e: Encoded, entries: number, d: number): void {
  const { bits } = e.meta as unknown as GroupedMeta
  const [length = 0, ...rest] = e.dims
  for (const [start, end] of tiles(length, productOf(rest))) {
    deviceOf(e, {}).scope(() => {
      const { bytes, rowBytes, perRow } = codeRows(e, start, end, d)
      const packed = bytes.data as Uint8Array
      const row = new Uint16Array(perRow)
      for (let at = 0; at < packed.length; at += rowBytes) {
        unpackRow(packed, bits, row, at)
        if (row.some(code => code >= entries)) throw malformed(e, `expected codes below ${entries}`)
      }
    })
  }
}

function decodeCodebook(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { bits } = e.meta as unknown as GroupedMeta
  const [start, end] = rowRange(e, options)
  const { books, entries, d } = tableDims(part(e, 'table'))
  const groups = groupNumbers(e, start, end, NUMBERS)
  const { bytes, rowBytes, perRow, firstCode, lead } = codeRows(e, start, end, d)
  const device = deviceOf(e, options)
  const wholeTable = decode(part(e, 'table'), { device })
  const made = device.empty('float32', [end - start, ...e.dims.slice(1)])
  const scale = groups.of('scale')
  const table = toFloat32(wholeTable)
  const packed = bytes.data as Uint8Array
  const values = made.data as Float32Array
  const codes = new Uint16Array(perRow)
  const vectors = new Float32Array(perRow * d)
  const { row: firstRow, count, width } = matrixRows(e.dims, start, end)
  for (let i = 0; i < count; i++) {
    unpackRow(packed, bits, codes, i * rowBytes)
    for (let j = 0; j < perRow; j++) {
      const from = (((firstCode + j) % books) * entries + codes[j]!) * d
      for (let t = 0; t < d; t++) vectors[j * d + t] = table[from + t]!
    }
    const line = vectors.subarray(lead, lead + width)
    if (scale !== undefined) {
      const row = groups.row(firstRow + i)
      for (let c = 0; c < width; c++) line[c]! *= scale[row + groups.columns[c]!]!
    }
    values.set(line, i * width)
  }
  return decoded(e, made, options)
}

function tableDims({ dims }: Tensor | Encoded): { books: number; entries: number; d: number } {
  const [d = 0, entries = 0, books = 1] = [...dims].reverse()
  return { books, entries, d }
}

function selectCodebook(e: Encoded, rows: RowSelection, select: SelectRows): Encoded | undefined {
  return selectGroupedRows(e, rows, select, NUMBERS)
}

function rowPartsOfCodebook(e: Encoded): readonly string[] {
  return groupedRowParts(e, NUMBERS)
}
