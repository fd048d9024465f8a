const ROWS = 8
const COLUMNS = 32
const ZERO = 1
const OFFSET = 2

/**
 * Bytes of a packed weight, as `assembly/packed/layout.ts` lays it out; 0 where it does not: groups
 * have to be multiples of 32 columns, or the whole row.
 */
export function packedBytes(
  rows: number,
  columns: number,
  bits: number,
  group: number,
  _scaleType: number,
  shiftKind: number,
): number {
  if (rows === 0 || columns === 0 || (group % COLUMNS !== 0 && group < columns)) return 0
  const vectors = bits <= 4 ? bits : 8
  const numbers = shiftKind === ZERO ? 40 : shiftKind === OFFSET ? 64 : 32
  const tile = Math.ceil(columns / group) * numbers + Math.ceil(columns / COLUMNS) * vectors * 32
  return Math.ceil(rows / ROWS) * tile
}
