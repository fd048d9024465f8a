import { kernel } from '../../device/kernels.ts'
import { packedRowBytes, unpackRow } from '../../tensor/bits.ts'
import { type NumberArray, numbersOf, toFloat32 } from '../../tensor/convert.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type DecodeOptions, type Encoded, type Encoding, encoded } from '../encoded.ts'
import { linearTiled } from '../linear-tiled.ts'
import { decoded, malformed, metaInteger, requireFloats, rowRange, shapedPart, tensorPart } from '../parts.ts'

/** Which elements are stored: any (`rows`), or n of every m along a row (`nOfM`). */
export type SparsePattern = { pattern: 'rows' } | { pattern: 'nOfM'; n: number; m: number }

/**
 * A matrix that is mostly zero.
 *
 * `rows` (compressed sparse rows): values (count), index int32 (count) columns in rising order
 * within a row, starts int32 (rows + 1). `nOfM`: values (rows, columns / m · n), m dividing columns, index uint8 of
 * the same count packed in ⌈log2 m⌉ bits, positions rising within each group of m.
 *
 * @param parts.values  floats in any storage type
 * @throws {FormatError} when the shapes do not fit or an index is out of place
 * @example
 * const values = new Tensor('float32', [5, 7], [2])
 * const index = new Tensor('int32', [2, 0], [2])
 * const starts = new Tensor('int32', [0, 1, 2], [3])
 * const matrix = sparse({ values, index, starts }, { dims: [2, 3], pattern: 'rows' })
 * decode(matrix).data // => Float32Array [0, 0, 5, 7, 0, 0]
 */
export function sparse(
  parts: { values: Tensor; index: Tensor; starts?: Tensor | undefined },
  options: { dims: readonly [rows: number, columns: number] } & SparsePattern,
): Encoded {
  const { dims, ...pattern } = options
  return encoded(sparseEncoding, 'float32', dims, { ...parts }, { ...pattern })
}

/** The kind of {@link sparse}. */
export const sparseEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'sparse',
  check: checkSparse,
  decode: /* @__PURE__ */ kernel('dequantize', decodeSparse),
  linear: /* @__PURE__ */ kernel('linearSparse', linearTiled),
})

function checkSparse(e: Encoded): void {
  const [rows, columns] = e.dims as [number, number]
  if (e.dims.length !== 2) throw malformed(e, 'expected a matrix')
  const values = tensorPart(e, 'values')
  requireFloats(e, [values])
  let index: Tensor
  if (e.meta.pattern === 'nOfM') {
    const m = metaInteger(e, 'm', 2, 256)
    const n = metaInteger(e, 'n', 1, m)
    if (columns % m !== 0) throw malformed(e, `expected m = ${m} to divide the columns`)
    const perRow = (columns / m) * n
    shapedPart(e, 'values', [rows, perRow])
    index = shapedPart(e, 'index', [rows, packedRowBytes(perRow, indexBits(m))], 'uint8')
  } else {
    if (e.meta.pattern !== 'rows') throw malformed(e, "expected meta.pattern 'rows' or 'nOfM'")
    shapedPart(e, 'values', [values.size])
    index = shapedPart(e, 'index', [values.size], 'int32')
    const starts = shapedPart(e, 'starts', [rows + 1], 'int32')
    if (starts.device.host) checkStarts(e, numbersOf(starts), values.size)
  }
  if (index.device.host) checkColumns(e)
}

function checkStarts(e: Encoded, starts: NumberArray, count: number): void {
  const falls = starts.some((start, row) => start < (row === 0 ? 0 : starts[row - 1]!))
  if (falls || starts[0] !== 0 || starts.at(-1) !== count)
    throw malformed(e, `expected starts that rise from 0 to the ${count} values`)
}

/** Columns rise within each row, or within its part of each group of m. */
function checkColumns(e: Encoded): void {
  const { n, m } = groupsOf(e)
  const perRow = (e.dims[1]! / m) * n
  let lastRow = -1
  let lastLow = 0
  let last = 0
  eachStored(e, [0, e.dims[0]!], (row, column, at) => {
    const low = n === Infinity ? 0 : Math.floor((at % perRow) / n) * m
    const rises = row !== lastRow || low !== lastLow || column > last
    if (!rises || column < low || column >= low + m)
      throw malformed(e, `expected rising columns from ${low} to ${low + m - 1} in row ${row}`)
    lastRow = row
    lastLow = low
    last = column
  })
}

function decodeSparse(e: Encoded, options: DecodeOptions = {}): Tensor {
  const [start, end] = rowRange(e, options)
  const columns = e.dims[1]!
  const made = tensorPart(e, 'values').device.empty('float32', [end - start, columns])
  const dense = made.data as Float32Array
  const values = toFloat32(tensorPart(e, 'values'))
  eachStored(e, [start, end], (row, column, at) => {
    dense[(row - start) * columns + column] = values[at]!
  })
  return decoded(e, made, options)
}

function indexBits(m: number): number {
  return Math.max(1, Math.ceil(Math.log2(m)))
}

/** n elements of every m in a row; of `rows` any number of all. */
function groupsOf(e: Encoded): { n: number; m: number } {
  return e.meta.pattern === 'nOfM' ? (e.meta as { n: number; m: number }) : { n: Infinity, m: e.dims[1]! }
}

/** Visits the stored elements of some rows: where each lies in the matrix, and in `values`. */
function eachStored(
  e: Encoded,
  [start, end]: readonly [number, number],
  visit: (row: number, column: number, at: number) => void,
): void {
  const index = numbersOf(tensorPart(e, 'index'))
  if (e.meta.pattern === 'rows') {
    const starts = numbersOf(tensorPart(e, 'starts'))
    for (let row = start; row < end; row++) {
      for (let i = starts[row]!; i < starts[row + 1]!; i++) visit(row, index[i]!, i)
    }
    return
  }
  const { n, m } = groupsOf(e)
  const perRow = (e.dims[1]! / m) * n
  const rowBytes = packedRowBytes(perRow, indexBits(m))
  const positions = new Uint16Array(perRow)
  for (let row = start; row < end; row++) {
    unpackRow(index as Uint8Array, indexBits(m), positions, row * rowBytes)
    for (let i = 0; i < perRow; i++) visit(row, Math.floor(i / n) * m + positions[i]!, row * perRow + i)
  }
}
