/** Groups of a matrix along its rows. */
export interface RowGroups {
  /** Columns of a group. */
  readonly group: number
  /** (rows, groups): for each of them, which of the flat groups it lies in. */
  readonly index: Int32Array
}

/**
 * Groups that were counted off over a matrix read row by row, which may begin in one row and end in the next, as groups along
 * rows: of the largest size that lies in one of them always.
 *
 * @param size  elements of a flat group
 */
export function flatGroups([rows, columns]: readonly [number, number], size: number): RowGroups {
  const group = greatestDivisor(columns, size)
  const perRow = columns / group
  const index = Int32Array.from({ length: rows * perRow }, (_, i) => Math.floor((i * group) / size))
  return { group, index }
}

function greatestDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return Math.max(1, a)
}
