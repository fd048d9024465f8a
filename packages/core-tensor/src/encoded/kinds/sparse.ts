import { kernel } from '../../device/kernel.ts'
import { packedRowBytes, unpackRow } from '../../tensor/bits.ts'
import { numbersOf, toFloat32 } from '../../tensor/convert.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type DecodeOptions, decode, deviceOf, type Encoded, type Encoding, encoded } from '../encoded.ts'
import { linearTiled } from '../linear-tiled.ts'
import {
  decoded,
  isVisible,
  malformed,
  metaInteger,
  part,
  requireFloats,
  rowRange,
  shapedPart,
  withRowCount,
} from '../parts.ts'
import { isRange, type RowSelection, rowCount, rowList, type SelectRows } from '../row-selection.ts'
import { tiles } from '../tiles.ts'

/** Which elements are stored: any, listed (`rows`) or marked (`mask`), or n of every m along a row (`nOfM`). */
export type SparsePattern =
  | { pattern: 'rows' }
  | { pattern: 'mask' }
  | { pattern: 'nOfM'; n: number; m: number }

/**
 * A matrix that is mostly zero. Every part is a tensor or an encoding.
 *
 * | pattern | values | index | starts | for |
 * | --- | --- | --- | --- | --- |
 * | `rows` | (count) | int32 (count), columns in rising order within a row | int32 (rows + 1) | a few of a hundred |
 * | `mask` | (count), row by row | uint8 (rows, ⌈columns / 8⌉), a bit for each element as in `packRow` | int32 (rows + 1) | from an eighth to nearly all |
 * | `nOfM` | (rows, columns / m · n), m dividing columns | uint8, of as many numbers packed in ⌈log2 m⌉ bits, positions rising within each group of m | none | fixed ratios |
 *
 * `starts` says with which value each row begins, and last how many there are. A mask takes 1 bit an element and
 * 32 a row: the rows' beginnings could be counted from it, but only by who sees all of it.
 *
 * @param parts.values  floats in any storage type
 * @throws {FormatError} when the shapes do not fit or an index is out of place
 * @example
 * const values = new Tensor('float32', [5, 7], [2])
 * const index = new Tensor('int32', [2, 0], [2])
 * const starts = new Tensor('int32', [0, 1, 2], [3])
 * const matrix = sparse({ values, index, starts }, { dims: [2, 3], pattern: 'rows' })
 * decode(matrix).data // => Float32Array [0, 0, 5, 7, 0, 0]
 * const mask = new Tensor('uint8', [0b100, 0b001], [2, 1])
 * const marked = sparse({ values, index: mask, starts }, { dims: [2, 3], pattern: 'mask' })
 * decode(marked).data // => Float32Array [0, 0, 5, 7, 0, 0]
 */
export function sparse(
  parts: { values: Tensor | Encoded; index: Tensor | Encoded; starts?: Tensor | Encoded | undefined },
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
  selectRows: selectSparse,
})

function checkSparse(e: Encoded): void {
  if (e.dims.length !== 2) throw malformed(e, 'expected a matrix')
  requireFloats(e, [part(e, 'values')])
  const { pattern } = e.meta
  if (pattern !== 'rows' && pattern !== 'mask' && pattern !== 'nOfM')
    throw malformed(e, "expected meta.pattern 'rows', 'mask' or 'nOfM'")
  if (pattern === 'nOfM') checkGroups(e)
  else checkRows(e, pattern)
  if (!Object.values(e.parts).every(isVisible)) return
  for (const [start, end] of tiles(e.dims[0]!, e.dims[1]!)) {
    deviceOf(e, {}).scope(() => (pattern === 'mask' ? checkMask : checkColumns)(e, start, end))
  }
}

/** The shapes of n of m. */
function checkGroups(e: Encoded): void {
  const [rows, columns] = e.dims as [number, number]
  const m = metaInteger(e, 'm', 2, 256)
  const n = metaInteger(e, 'n', 1, m)
  if (columns % m !== 0) throw malformed(e, `expected m = ${m} to divide the columns`)
  const perRow = (columns / m) * n
  shapedPart(e, 'values', [rows, perRow])
  shapedPart(e, 'index', [rows, packedRowBytes(perRow, indexBits(m))], 'uint8')
}

/** The shapes of rows of any number of values, and where they begin. */
function checkRows(e: Encoded, pattern: 'rows' | 'mask'): void {
  const [rows, columns] = e.dims as [number, number]
  const [count = 0] = part(e, 'values').dims
  shapedPart(e, 'values', [count])
  if (pattern === 'rows') shapedPart(e, 'index', [count], 'int32')
  else shapedPart(e, 'index', [rows, packedRowBytes(columns, 1)], 'uint8')
  const starts = shapedPart(e, 'starts', [rows + 1], 'int32')
  if (!isVisible(starts)) return
  deviceOf(e, {}).scope(() => {
    const numbers = numbersOf(decode(starts))
    const fit = numbers.every((start, row) => {
      const stored = row === 0 ? 0 : start - numbers[row - 1]!
      return stored >= 0 && stored <= columns
    })
    if (!fit || numbers[0] !== 0 || numbers.at(-1) !== count)
      throw malformed(e, `expected starts that rise from 0 to the ${count} values, by ${columns} at most`)
  })
}

/** As many bits are set in a row as it has values, and none behind its columns. */
function checkMask(e: Encoded, start: number, end: number): void {
  const columns = e.dims[1]!
  const { starts } = rowStarts(e, start, end)
  const bytes = decode(part(e, 'index'), { rows: [start, end] }).data as Uint8Array
  const rowBytes = packedRowBytes(columns, 1)
  const found = new Int32Array(8 * rowBytes)
  for (let row = 0; row < end - start; row++) {
    const count = columnsOfBits(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), found, 0)
    if (count !== starts[row + 1]! - starts[row]! || (count > 0 && found[count - 1]! >= columns))
      throw malformed(e, `expected a bit for each value of row ${start + row}`)
  }
}

/** Writes the columns of the bits that are set in a row, from `at` on, and says behind which the last one lies. */
function columnsOfBits(row: Uint8Array, columns: Int32Array, at: number): number {
  for (let i = 0; i < row.length; i++) {
    for (let bits = row[i]!; bits !== 0; bits &= bits - 1)
      columns[at++] = 8 * i + 31 - Math.clz32(bits & -bits)
  }
  return at
}

/** Columns rise within each row, or within its part of each group of m. */
function checkColumns(e: Encoded, start: number, end: number): void {
  const { n, m } = groupsOf(e)
  const { starts, columns } = storedPlaces(e, start, end)
  for (let row = 0; row < end - start; row++) {
    let least = 0
    for (let i = starts[row]!; i < starts[row + 1]!; i++) {
      const low = n === Infinity ? 0 : Math.floor((i - starts[row]!) / n) * m
      const column = columns[i]!
      if (column < Math.max(least, low) || column >= low + m)
        throw malformed(e, `expected rising columns from ${low} to ${low + m - 1} in row ${start + row}`)
      least = column + 1
    }
  }
}

function decodeSparse(e: Encoded, options: DecodeOptions = {}): Tensor {
  const [start, end] = rowRange(e, options)
  const width = e.dims[1]!
  const { starts, columns, rows } = storedPlaces(e, start, end)
  const stored = decode(part(e, 'values'), { rows })
  const made = deviceOf(e, options).empty('float32', [end - start, width])
  const values = toFloat32(stored)
  const whole = made.data as Float32Array
  for (let row = 0; row < end - start; row++) {
    for (let i = starts[row]!; i < starts[row + 1]!; i++) whole[row * width + columns[i]!] = values[i]!
  }
  return decoded(e, made, options)
}

function indexBits(m: number): number {
  return Math.max(1, Math.ceil(Math.log2(m)))
}

/** n elements of every m in a row; of `rows` any number of all. */
function groupsOf(e: Encoded): { n: number; m: number } {
  return e.meta.pattern === 'nOfM' ? (e.meta as { n: number; m: number }) : { n: Infinity, m: e.dims[1]! }
}

/** Where the stored elements of some rows of the whole lie. */
interface StoredPlaces {
  /** (rows + 1) with which of them each row begins */
  readonly starts: Int32Array
  /** (stored) */
  readonly columns: Int32Array
  /** The entries of `values` that hold them. */
  readonly rows: readonly [start: number, end: number]
}

function storedPlaces(e: Encoded, start: number, end: number): StoredPlaces {
  if (e.meta.pattern === 'nOfM') return placesInGroups(e, start, end)
  const { starts, rows } = rowStarts(e, start, end)
  const index = part(e, 'index')
  if (e.meta.pattern === 'rows')
    return { starts, columns: Int32Array.from(numbersOf(decode(index, { rows }))), rows }
  const columns = new Int32Array(rows[1] - rows[0])
  const bytes = decode(index, { rows: [start, end] }).data as Uint8Array
  const rowBytes = packedRowBytes(e.dims[1]!, 1)
  for (let row = 0; row < end - start; row++)
    columnsOfBits(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), columns, starts[row]!)
  return { starts, columns, rows }
}

function rowStarts(e: Encoded, start: number, end: number): Pick<StoredPlaces, 'starts' | 'rows'> {
  const numbers = numbersOf(decode(part(e, 'starts'), { rows: [start, end + 1] }))
  const [first, last] = [numbers[0]!, numbers.at(-1)!]
  return { starts: Int32Array.from(numbers, at => at - first), rows: [first, last] }
}

function placesInGroups(e: Encoded, start: number, end: number): StoredPlaces {
  const { n, m } = groupsOf(e)
  const perRow = (e.dims[1]! / m) * n
  const bits = indexBits(m)
  const rowBytes = packedRowBytes(perRow, bits)
  const bytes = decode(part(e, 'index'), { rows: [start, end] }).data as Uint8Array
  const columns = new Int32Array((end - start) * perRow)
  for (let row = 0; row < end - start; row++) {
    const positions = columns.subarray(row * perRow, (row + 1) * perRow)
    unpackRow(bytes, bits, positions, row * rowBytes)
    for (let i = 0; i < perRow; i++) positions[i]! += Math.floor(i / n) * m
  }
  const starts = Int32Array.from({ length: end - start + 1 }, (_, row) => row * perRow)
  return { starts, columns, rows: [start, end] }
}

function selectSparse(e: Encoded, rows: RowSelection, select: SelectRows): Encoded {
  const values = part(e, 'values')
  const index = part(e, 'index')
  if (e.meta.pattern === 'nOfM')
    return withRowCount(e, rowCount(rows), { values: select(values, rows), index: select(index, rows) })
  const { starts, stored } = selectedPlaces(numbersOf(decode(part(e, 'starts'))), rows)
  return withRowCount(e, rowCount(rows), {
    values: select(values, stored),
    index: select(index, e.meta.pattern === 'mask' ? rows : stored),
    starts: deviceOf(e, {}).upload({ type: 'int32', dims: [starts.length], data: starts }),
  })
}

/** Where the values of the selected rows begin, and which of all these are. */
function selectedPlaces(
  old: ArrayLike<number>,
  rows: RowSelection,
): { starts: Int32Array; stored: RowSelection } {
  const starts = new Int32Array(rowCount(rows) + 1)
  rowList(rows).forEach((row, i) => {
    starts[i + 1] = starts[i]! + old[row + 1]! - old[row]!
  })
  if (isRange(rows)) return { starts, stored: [old[rows[0]]!, old[rows[1]]!] }
  const stored = new Int32Array(starts.at(-1)!)
  rows.forEach((row, i) => {
    for (let at = starts[i]!; at < starts[i + 1]!; at++) stored[at] = old[row]! + at - starts[i]!
  })
  return { starts, stored }
}
