/** Elements of a tensor that are decoded at a time. */
const TILE_ELEMENTS = 1 << 16

/** Rows `start` to `end`, a tile at a time, so that a tensor is never whole in memory. */
export function* tiles(rows: number, columns: number): Generator<readonly [start: number, end: number]> {
  const step = Math.max(1, Math.floor(TILE_ELEMENTS / Math.max(columns, 1)))
  for (let start = 0; start < rows; start += step) yield [start, Math.min(rows, start + step)]
}
