import { levelsPanel } from '../packed/levels'
import { unpackTwoOfFour } from './two-of-four'
import { transpose4 } from '../vector'
import { widen } from '../elementwise/widen'

/** Where the columns of b of a blocked product come from. */
export const PLAIN: i32 = 0
/** b is stored (n, k). */
export const TRANSPOSED: i32 = 1
/** Rows (n, k) of a narrow float type. */
export const NARROW: i32 = 2
/** Rows of two values in each four columns. */
export const TWO_OF_FOUR: i32 = 3
/** A packed stream of codes into a table. */
export const LEVELS: i32 = 4

/** Floats in a row of the strip that rows are widened into before they are turned. */
export const STRIP: u32 = 256

/** What a source beyond plain floats needs; set before the product, one set for each instance of the module. */
export let rowType: i32 = 0
export let rowIndex: usize = 0
export let rowBits: u32 = 0
export let rowGroup: u32 = 0
export let rowShift: i32 = 0
export let rowTable: usize = 0

export function setRows(type: i32, index: usize): void {
  rowType = type
  rowIndex = index
}

export function setLevels(table: usize, bits: u32, group: u32, shift: i32): void {
  rowTable = table
  rowBits = bits
  rowGroup = group
  rowShift = shift
}

/** Rows j to j + count of a source at columns p to p + length, as floats, STRIP floats apart. */
export function widenRows(
  strip: usize,
  source: i32,
  b: usize,
  ldb: u32,
  j: u32,
  count: u32,
  p: u32,
  length: u32,
): void {
  for (let r: u32 = 0; r < count; r++) {
    const to = strip + ((<usize>(r * STRIP)) << 2)
    if (source == NARROW) widen(to, b, (j + r) * ldb + p, length, rowType)
    else unpackTwoOfFour(to, b, rowIndex, ((j + r) * ldb + p) >> 3, length, rowType)
  }
}

/**
 * Columns j to j + 8 of b at rows p to p + length as (length, 8), zeros past the last column.
 *
 * @param j  counted from `b`; `columns` of them are there
 */
export function packColumns(
  to: usize,
  source: i32,
  b: usize,
  ldb: u32,
  j: u32,
  columns: u32,
  p: u32,
  length: u32,
  strip: usize,
): void {
  const count = columns - j < 8 ? columns - j : 8
  if (source == LEVELS) {
    levelsPanel(to, b, j, p, length, rowTable, rowBits, ldb, rowGroup, rowShift)
    return
  }
  if (source == PLAIN) {
    let from = b + ((<usize>(p * ldb + j)) << 2)
    if (count == 8) {
      for (let i: u32 = 0; i < length; i++, to += 32, from += (<usize>ldb) << 2) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      }
      return
    }
    for (let i: u32 = 0; i < length; i++, to += 32, from += (<usize>ldb) << 2) {
      for (let c: u32 = 0; c < 8; c++) f32.store(to + (c << 2), c < count ? f32.load(from + (c << 2)) : 0)
    }
    return
  }
  let from = b + ((<usize>(j * ldb + p)) << 2)
  let step = (<usize>ldb) << 2
  if (source != TRANSPOSED) {
    widenRows(strip, source, b, ldb, j, count, p, length)
    from = strip
    step = (<usize>STRIP) << 2
  }
  packRows8(to, from, step, count, length)
}

function packRows8(to: usize, from: usize, step: usize, count: u32, length: u32): void {
  let i: u32 = 0
  if (count == 8) {
    for (; i + 4 <= length; i += 4, to += 128, from += 16) {
      transpose4(to, 32, from, step)
      transpose4(to + 16, 32, from + 4 * step, step)
    }
  }
  for (; i < length; i++, to += 32, from += 4) {
    for (let c: u32 = 0; c < 8; c++)
      f32.store(to + (c << 2), c < count ? f32.load(from + <usize>c * step) : 0)
  }
}

/** Rows i to i + 4 of a at columns p to p + length as (length, 4), zeros past the last row. */
export function packRows(
  to: usize,
  a: usize,
  lda: u32,
  transposed: bool,
  i: u32,
  rows: u32,
  p: u32,
  length: u32,
): void {
  const count = rows - i < 4 ? rows - i : 4
  const rowStep: usize = transposed ? 4 : (<usize>lda) << 2
  const step: usize = transposed ? (<usize>lda) << 2 : 4
  let from = a + <usize>i * rowStep + <usize>p * step
  let q: u32 = 0
  if (count == 4) {
    if (transposed) {
      for (; q < length; q++, to += 16, from += step) v128.store(to, v128.load(from))
      return
    }
    for (; q + 4 <= length; q += 4, to += 64, from += 16) transpose4(to, 16, from, rowStep)
  }
  for (; q < length; q++, to += 16, from += step) {
    for (let r: u32 = 0; r < 4; r++)
      f32.store(to + (r << 2), r < count ? f32.load(from + <usize>r * rowStep) : 0)
  }
}
