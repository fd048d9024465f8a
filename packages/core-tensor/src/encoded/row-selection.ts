import { ShapeError } from '../errors.ts'
import { isWhole } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Encoded } from './encoded.ts'

/** Entries of the first axis: a list of them in the order that they shall have, or all from `start` to before `end`. */
export type RowSelection = Int32Array | readonly [start: number, end: number]

/** `selectRows`, as kinds get it for their parts. */
export type SelectRows = (part: Tensor | Encoded, rows: RowSelection) => Tensor | Encoded

export function isRange(rows: RowSelection): rows is readonly [number, number] {
  return !(rows instanceof Int32Array)
}

/** How many entries are selected. */
export function rowCount(rows: RowSelection): number {
  return isRange(rows) ? rows[1] - rows[0] : rows.length
}

/** The selected entries one by one. */
export function rowList(rows: RowSelection): Int32Array {
  if (!isRange(rows)) return rows
  return Int32Array.from({ length: rowCount(rows) }, (_, i) => rows[0] + i)
}

/** Throws a {@link ShapeError} unless all rows are some of `count`. */
export function requireRows(rows: RowSelection, count: number): void {
  if (isRange(rows)) {
    if (isWhole(rows[1], count) && isWhole(rows[0], rows[1])) return
    throw new ShapeError(`[selectRows] expected 0 ≤ start ≤ end ≤ ${count}, got ${rows[0]} to ${rows[1]}`)
  }
  const stray = rows.find(row => row < 0 || row >= count)
  if (stray !== undefined)
    throw new ShapeError(`[selectRows] expected rows from 0 to ${count - 1}, got ${stray}`)
}
