import {
  fromRow,
  multiplyRow,
  type Panel,
  packColumns,
  packRows,
  type Strided,
  type Summation,
  TILE,
  type TileSummation,
  tileWithin,
} from './tiles.ts'

/** Columns of b that are packed at a time: with k up to a few thousand they stay in the second cache. */
const BLOCK = 64

/**
 * c = a·b, with a (m, k), b (k, n) and c (m, n) row-major from `at`.
 *
 * Every sum runs over k in order, as `summation` says, so that no result depends on how many rows
 * or columns there are. Fewer than four rows read b in place, because packing costs as much as
 * multiplying.
 */
export function gemm(
  m: number,
  n: number,
  k: number,
  a: Strided,
  b: Strided,
  c: Panel,
  summation: Summation,
  at = 0,
): void {
  if (m >= TILE) {
    gemmTiled(m, n, k, a, b, c, summation, at)
    return
  }
  const row = new summation.Panel(k)
  for (let i = 0; i < m; i++) {
    packRows(fromRow(a, i), 1, k, row)
    multiplyRow(summation, k, row, b, n, c, at + i * n)
  }
}

/**
 * The same numbers for any number of rows, best for four and more: operands are packed into panels
 * of four so that one loop serves every dtype, stride and transposition.
 */
export function gemmTiled(
  m: number,
  n: number,
  k: number,
  a: Strided,
  b: Strided,
  c: Panel,
  summation: TileSummation,
  at = 0,
): void {
  const { Panel } = summation
  const aPanel = new Panel(k * TILE)
  const bPanels = new Panel(k * Math.min(BLOCK, Math.ceil(n / TILE) * TILE))
  const edge = new Panel(TILE * TILE)
  for (let j0 = 0; j0 < n; j0 += BLOCK) {
    const columns = Math.min(BLOCK, n - j0)
    packColumns({ ...b, offset: b.offset + j0 * b.columnStride }, columns, k, bPanels)
    for (let i0 = 0; i0 < m; i0 += TILE) {
      packRows(fromRow(a, i0), m - i0, k, aPanel)
      for (let j = 0; j < columns; j += TILE) {
        const corner = at + i0 * n + j0 + j
        tileWithin(summation, k, aPanel, bPanels, j * k, m - i0, columns - j, c, corner, n, edge)
      }
    }
  }
}
