import { packedRowBytes, unpackRow } from '../bits.ts'
import { numbersOf, toFloat32 } from '../convert.ts'
import { sameDims } from '../dims.ts'
import { type DecodeOptions, type Encoded, type Encoding, encoded } from '../encoded.ts'
import { kernel } from '../kernels.ts'
import { linearTiled } from '../linear-tiled.ts'
import type { Tensor } from '../tensor.ts'
import { decoded, malformed, metaInteger, requireFloats, rowRange, tensorPart } from './parts.ts'

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
  parts: { values: Tensor; index: Tensor; starts?: Tensor },
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
  const values = tensorPart(e, 'values')
  const index = tensorPart(e, 'index')
  if (e.dims.length !== 2) throw malformed(e, 'expected a matrix')
  requireFloats(e, [values])
  if (e.meta.pattern === 'nOfM') {
    const m = metaInteger(e, 'm', 2, 256)
    const n = metaInteger(e, 'n', 1, m)
    const perRow = (columns / m) * n
    const rowBytes = packedRowBytes(perRow, indexBits(m))
    if (columns % m !== 0) throw malformed(e, `expected m = ${m} to divide the columns`)
    if (
      !sameDims(values.dims, [rows, perRow]) ||
      index.type !== 'uint8' ||
      !sameDims(index.dims, [rows, rowBytes])
    ) {
      throw malformed(e, `expected values [${rows},${perRow}] and a uint8 index [${rows},${rowBytes}]`)
    }
    if (index.device.host) checkPositions(e)
    return
  }
  if (e.meta.pattern !== 'rows') throw malformed(e, "expected meta.pattern 'rows' or 'nOfM'")
  const starts = tensorPart(e, 'starts')
  if (
    values.dims.length !== 1 ||
    index.type !== 'int32' ||
    !sameDims(index.dims, values.dims) ||
    starts.type !== 'int32' ||
    !sameDims(starts.dims, [rows + 1])
  ) {
    throw malformed(e, 'expected values (count), int32 index (count) and int32 starts (rows + 1)')
  }
  if (!index.device.host) return
  const at = numbersOf(starts)
  const columnOf = numbersOf(index)
  if (at[0] !== 0 || at[rows] !== values.size)
    throw malformed(e, 'expected starts from 0 to the count of values')
  for (let row = 0; row < rows; row++) {
    if (at[row]! > at[row + 1]!) throw malformed(e, 'expected starts that never fall')
    for (let i = at[row]!; i < at[row + 1]!; i++) {
      const rising = i === at[row] || columnOf[i - 1]! < columnOf[i]!
      if (!rising || columnOf[i]! < 0 || columnOf[i]! >= columns)
        throw malformed(e, 'expected rising columns inside the row')
    }
  }
}

/** n positions below m in rising order, for every group. */
function checkPositions(e: Encoded): void {
  const { n, m } = e.meta as { n: number; m: number }
  let last = -1
  eachNOfM(e, [0, e.dims[0]!], (_, column, i) => {
    const group = Math.floor((i % ((e.dims[1]! / m) * n)) / n) * m
    const low = i % n === 0 ? group : last + 1
    if (column < low || column >= group + m)
      throw malformed(e, `expected rising positions below ${m} in each group`)
    last = column
  })
}

function decodeSparse(e: Encoded, options: DecodeOptions = {}): Tensor {
  const [start, end] = rowRange(e, options)
  const columns = e.dims[1]!
  const made = tensorPart(e, 'values').device.empty('float32', [end - start, columns])
  const dense = made.data as Float32Array
  const values = toFloat32(tensorPart(e, 'values'))
  if (e.meta.pattern === 'nOfM') {
    eachNOfM(e, [start, end], (row, column, i) => {
      dense[(row - start) * columns + column] = values[i]!
    })
  } else {
    const starts = numbersOf(tensorPart(e, 'starts'))
    const index = numbersOf(tensorPart(e, 'index'))
    for (let row = start; row < end; row++) {
      for (let i = starts[row]!; i < starts[row + 1]!; i++)
        dense[(row - start) * columns + index[i]!] = values[i]!
    }
  }
  return decoded(e, made, options)
}

function indexBits(m: number): number {
  return Math.max(1, Math.ceil(Math.log2(m)))
}

function eachNOfM(
  e: Encoded,
  [start, end]: readonly [number, number],
  visit: (row: number, column: number, at: number) => void,
): void {
  const { n, m } = e.meta as { n: number; m: number }
  const packed = tensorPart(e, 'index').data as Uint8Array
  const perRow = (e.dims[1]! / m) * n
  const rowBytes = packedRowBytes(perRow, indexBits(m))
  const positions = new Uint16Array(perRow)
  for (let row = start; row < end; row++) {
    unpackRow(packed, indexBits(m), positions, row * rowBytes)
    for (let i = 0; i < perRow; i++) visit(row, Math.floor(i / n) * m + positions[i]!, row * perRow + i)
  }
}
