import { packedRowBytes } from '../tensor/bits.ts'
import { toFloat32 } from '../tensor/convert.ts'
import { productOf, sameDims } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { decode, type Encoded } from './encoded.ts'
import { fitsGroups, type GroupIndex, groupDims, groupIndex } from './groups.ts'
import { malformed, metaInteger, part, requireFloats, shapedPart, withRowCount } from './parts.ts'
import { type RowSelection, rowCount, rowList, type SelectRows } from './row-selection.ts'

/** What `affine` and `codebook` have in common: packed codes, and numbers for groups of them. */
export interface GroupedMeta {
  readonly bits: number
  readonly group: number
  readonly axis: number
}

/** The meta of grouped codes; `group` is the whole axis and `axis` the last one unless given. */
export function groupedMeta(
  dims: readonly number[],
  { bits, group, axis = -1 }: { bits: number; group?: number | undefined; axis?: number | undefined },
): { bits: number; group: number; axis: number } {
  const at = axis < 0 ? axis + dims.length : axis
  return { bits, group: group ?? Math.max(1, dims[at] ?? 1), axis: at }
}

/**
 * Throws unless codes and per-group parts fit the whole.
 *
 * @param maxBits  of a code
 * @param codeWidth  elements that a code stands for
 * @param numbers  names of the parts with a number for each group; all have the shape of the first, or one
 *   number for all groups
 */
export function checkGroupedCodes(
  e: Encoded,
  maxBits: number,
  codeWidth: number,
  numbers: readonly string[],
): void {
  requireFloats(e, [])
  const bits = metaInteger(e, 'bits', 1, maxBits)
  const group = metaInteger(e, 'group', 1, Number.MAX_SAFE_INTEGER)
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  const rowBytes = packedRowBytes(e.dims.at(-1)! / codeWidth, bits)
  shapedPart(e, 'codes', [...e.dims.slice(0, -1), rowBytes], 'uint8')
  const full = groupDims(e.dims, group, axis)
  const shape = shapeOfNumbers(e, numbers) ?? full
  const fits = fitsGroups(shape, full)
  for (const name of numbers) {
    const dims = e.parts[name]?.dims
    const fitting =
      dims === undefined || sameDims(dims, shape) || (dims.length === shape.length && isOne(dims))
    if (!fits || !fitting) {
      throw malformed(e, `expected ${numbers.join(' and ')} of [${full}], or 1 on shared axes`)
    }
  }
}

/** Whether dims are those of one number for all groups. */
function isOne(dims: readonly number[]): boolean {
  return dims.every(dim => dim === 1)
}

/** The dims that per-group parts share, where there are any; one of them may be one number for all groups. */
function shapeOfNumbers(e: Encoded, numbers: readonly string[]): readonly number[] | undefined {
  return numbers.map(name => e.parts[name]?.dims).find(dims => dims !== undefined)
}

/** The codes of some entries of the whole. */
export interface CodeRows {
  /** uint8, row by row */
  readonly bytes: Tensor
  readonly rowBytes: number
  /** Codes in a row. */
  readonly perRow: number
  /** Which code of its row the first one is. */
  readonly firstCode: number
  /** Elements that the first codes stand for and nobody asked for; only vectors have any. */
  readonly lead: number
}

/** Decodes the codes of entries `start` to `end` of the first axis, and of a vector at most 7 others. */
export function codeRows(e: Encoded, start: number, end: number, codeWidth: number): CodeRows {
  const { bits } = e.meta as unknown as GroupedMeta
  const codes = part(e, 'codes')
  if (e.dims.length > 1) {
    const perRow = e.dims.at(-1)! / codeWidth
    const bytes = decode(codes, { rows: [start, end] })
    return { bytes, rowBytes: packedRowBytes(perRow, bits), perRow, firstCode: 0, lead: 0 }
  }
  // Eight codes fill whole bytes, whatever their width.
  const first = Math.floor(start / codeWidth / 8) * 8
  const last = Math.ceil(end / codeWidth)
  const bytes = decode(codes, { rows: [(first * bits) / 8, packedRowBytes(last, bits)] })
  return {
    bytes,
    rowBytes: bytes.size,
    perRow: last - first,
    firstCode: first,
    lead: start - first * codeWidth,
  }
}

/** The numbers of the groups that some entries of the whole lie in. */
export interface GroupNumbers {
  /**
   * Where the group of element (row, column) lies in an array that `of` gives: `row(r) + columns[c]`.
   * Columns of a vector count from the first entry that was asked for.
   */
  row(row: number): number
  readonly columns: Uint32Array
  /** A part's numbers, or undefined where the encoding has no such part. */
  of(name: string): Float32Array | undefined
}

/**
 * Decodes per-group numbers for entries `start` to `end` of the first axis, and no others: a weight
 * that is read tile by tile must not pay for all its scales with every tile.
 *
 * @param numbers  names of the parts, as for {@link checkGroupedCodes}
 */
export function groupNumbers(
  e: Encoded,
  start: number,
  end: number,
  numbers: readonly string[],
): GroupNumbers {
  const { group, axis } = e.meta as unknown as GroupedMeta
  const shape = shapeOfNumbers(e, numbers) ?? e.dims.map(() => 1)
  const step = axis === 0 ? group : 1
  const shared = shape[0] === 1
  // An even row, because two rows of 4-bit numbers always begin on a byte.
  const from = shared ? 0 : Math.floor(start / step / 2) * 2
  const to = shared ? 1 : Math.ceil(end / step)
  const at =
    e.dims.length === 1
      ? entriesIndex(start, end, shared ? Infinity : group)
      : groupIndex(e.dims, shape, group, axis, e.encoding.kind)
  const base = from * productOf(shape.slice(1))
  const tensors = numbers.map(name => {
    const part = e.parts[name]
    if (part === undefined) return undefined
    return decode(part, isOne(part.dims) ? {} : { rows: [from, Math.max(from, to)] })
  })
  const count = Math.max(0, to - from) * productOf(shape.slice(1))
  return {
    row: index => at.row(index) - base,
    columns: at.columns,
    of: name => {
      const tensor = tensors[numbers.indexOf(name)]
      const values = tensor && toFloat32(tensor)
      return values?.length === 1 && count > 1 ? new Float32Array(count).fill(values[0]!) : values
    },
  }
}

/** Where the groups of entries `start` to `end` of a vector lie: not an index of the whole, which may be long. */
function entriesIndex(start: number, end: number, group: number): GroupIndex {
  const columns = Uint32Array.from({ length: end - start }, (_, i) => Math.floor((start + i) / group))
  return { row: () => 0, columns }
}

/**
 * Some rows of a matrix of grouped codes, with the numbers of their groups; undefined for a vector, and
 * where groups down the rows would be broken up.
 *
 * @param numbers  names of the parts, as for {@link checkGroupedCodes}
 */
export function selectGroupedRows(
  e: Encoded,
  rows: RowSelection,
  select: SelectRows,
  numbers: readonly string[],
): Encoded | undefined {
  const { group, axis } = e.meta as unknown as GroupedMeta
  if (e.dims.length < 2) return undefined
  const ofRows = numbers.filter(name => (e.parts[name]?.dims[0] ?? 1) !== 1)
  const groups = axis === 0 && ofRows.length > 0 ? wholeGroups(rowList(rows), group) : rows
  if (groups === undefined) return undefined
  const parts: Record<string, Tensor | Encoded> = { codes: select(part(e, 'codes'), rows) }
  for (const name of ofRows) parts[name] = select(part(e, name), groups)
  return withRowCount(e, rowCount(rows), parts)
}

/**
 * Codes, and the numbers of groups that the rows do not share.
 *
 * @param numbers  names of the parts, as for {@link checkGroupedCodes}
 */
export function groupedRowParts(e: Encoded, numbers: readonly string[]): readonly string[] {
  const { group, axis } = e.meta as unknown as GroupedMeta
  const [groups] = groupDims(e.dims, group, axis)
  return ['codes', ...numbers.filter(name => e.parts[name]?.dims[0] === groups)]
}

/** The groups that a selection is made of, where every `group` rows of it come from one. */
function wholeGroups(rows: Int32Array, group: number): Int32Array | undefined {
  const groups = new Int32Array(Math.ceil(rows.length / group))
  for (let i = 0; i < rows.length; i++) {
    const from = Math.floor(rows[i]! / group)
    if (i % group === 0) groups[i / group] = from
    else if (groups[Math.floor(i / group)] !== from) return undefined
  }
  return groups
}
