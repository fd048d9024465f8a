import type { Order } from '../device/kernels.ts'

/** Rows and columns of the register tile: 4 × 4 sums. */
export const TILE = 4

export type Panel = Float32Array | Float64Array

/** A matrix in memory: element (i, j) is at `offset + i·rowStride + j·columnStride`. */
export interface Strided {
  readonly data: ArrayLike<number>
  readonly offset: number
  readonly rowStride: number
  readonly columnStride: number
}

/** How the dot products of a tile are summed: over k in order. */
export interface TileSummation {
  /** What holds the operands while they are multiplied. */
  readonly Panel: Float32ArrayConstructor | Float64ArrayConstructor
  /**
   * Sixteen dot products of panels (k, 4): row i of the panel of `a` at `p` with column j of the panel
   * of `b` at `q` goes to `c[at + i·stride + j]`.
   */
  tile(k: number, a: Panel, p: number, b: Panel, q: number, c: Panel, at: number, stride: number): void
}

/** The same, also without panels. */
export interface Summation extends TileSummation {
  /**
   * Four dot products with the numbers of `x` from `p` on, `step` apart, go to `c[at]` to `c[at + 3]`:
   * element (i, j) of the other operand is at `from + i·along + j·across`, read in place.
   */
  dots(
    k: number,
    x: Panel,
    p: number,
    step: number,
    data: ArrayLike<number>,
    from: number,
    along: number,
    across: number,
    c: Panel,
    at: number,
  ): void
}

/** In float64, tiles alone. */
export const freeTiles: TileSummation = { Panel: Float64Array, tile: tileFree }

/** In float64. */
const free: Summation = { Panel: Float64Array, tile: tileFree, dots: dotsFree }

/** In float32, rounded after every multiplication and every addition. */
const sequential: Summation = { Panel: Float32Array, tile: tileSequential, dots: dotsSequential }

/** What an order means for a result of a dtype; float64 has no narrower sums. */
export function summationOf(c: Panel, { order }: Order): Summation {
  return order === 'sequential' && c instanceof Float32Array ? sequential : free
}

/** The columns of b as panels of four, interleaved: (⌈columns / 4⌉, k, 4), with zeros past the last. */
export function packColumns(b: Strided, columns: number, k: number, out: Panel): void {
  const across = { ...b, rowStride: b.columnStride, columnStride: b.rowStride }
  for (let j = 0; j < columns; j += TILE) {
    packRows(fromRow(across, j), columns - j, k, out.subarray(j * k, (j + TILE) * k))
  }
}

/** Some rows of a, interleaved: (k, lanes), with zeros past the last; as many lanes as `out` has room for. */
export function packRows(a: Strided, rows: number, k: number, out: Panel): void {
  const { data, columnStride } = a
  const lanes = out.length / k
  for (let lane = 0; lane < lanes; lane++) {
    let from = a.offset + lane * a.rowStride
    for (let p = lane; p < out.length; p += lanes) {
      out[p] = lane < rows ? data[from]! : 0
      from += columnStride
    }
  }
}

/** A matrix from one of its rows on. */
export function fromRow(a: Strided, row: number): Strided {
  return { ...a, offset: a.offset + row * a.rowStride }
}

/** One row of a product: x (k) with the first `columns` columns of b, to `c` from `at`. */
export function multiplyRow(
  { dots }: Summation,
  k: number,
  x: Panel,
  b: Strided,
  columns: number,
  c: Panel,
  at: number,
): void {
  const { data, offset, rowStride, columnStride } = b
  const whole = columns - (columns % TILE)
  for (let j = 0; j < whole; j += TILE) {
    dots(k, x, 0, 1, data, offset + j * columnStride, rowStride, columnStride, c, at + j)
  }
  if (whole === columns) return
  // A column that is left fills all four places.
  const same = new Float64Array(TILE)
  for (let j = whole; j < columns; j++) {
    dots(k, x, 0, 1, data, offset + j * columnStride, rowStride, 0, same, 0)
    c[at + j] = same[0]!
  }
}

/** A tile of which only some rows and columns lie within c: those go there by way of `edge` (4, 4). */
export function tileWithin(
  { tile }: TileSummation,
  k: number,
  a: Panel,
  b: Panel,
  q: number,
  rows: number,
  columns: number,
  c: Panel,
  at: number,
  stride: number,
  edge: Panel,
): void {
  if (rows >= TILE && columns >= TILE) {
    tile(k, a, 0, b, q, c, at, stride)
    return
  }
  tile(k, a, 0, b, q, edge, 0, TILE)
  for (let i = 0; i < Math.min(rows, TILE); i++) {
    for (let j = 0; j < Math.min(columns, TILE); j++) c[at + i * stride + j] = edge[i * TILE + j]!
  }
}

function tileFree(
  k: number,
  a: Panel,
  p: number,
  b: Panel,
  q: number,
  c: Panel,
  at: number,
  stride: number,
): void {
  for (let row = 0; row < TILE; row += 2) pairFree(k, a, p + row, b, q, c, at + row * stride, stride)
}

// Two rows at a time: eight sums and their operands fit the sixteen registers that processors have for
// them, as named locals; sixteen sums at once spill, and are a tenth to a fifth slower.
// biome-ignore format: a table of sums reads better than its 20 lines.
function pairFree(
  k: number, a: Panel, p: number, b: Panel, q: number, c: Panel, at: number, stride: number,
): void {
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0
  let c10 = 0, c11 = 0, c12 = 0, c13 = 0
  for (const end = p + TILE * k; p < end; p += TILE, q += TILE) {
    const a0 = a[p]!, a1 = a[p + 1]!
    const b0 = b[q]!, b1 = b[q + 1]!, b2 = b[q + 2]!, b3 = b[q + 3]!
    c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3
    c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3
  }
  c[at] = c00; c[at + 1] = c01; c[at + 2] = c02; c[at + 3] = c03
  at += stride
  c[at] = c10; c[at + 1] = c11; c[at + 2] = c12; c[at + 3] = c13
}

// biome-ignore format: one line for each step.
function dotsFree(
  k: number, x: Panel, p: number, step: number,
  data: ArrayLike<number>, from: number, along: number, across: number, c: Panel, at: number,
): void {
  const second = 2 * across, third = 3 * across
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0
  for (const end = p + k * step; p < end; p += step) {
    const xp = x[p]!
    s0 += xp * data[from]!
    s1 += xp * data[from + across]!
    s2 += xp * data[from + second]!
    s3 += xp * data[from + third]!
    from += along
  }
  c[at] = s0; c[at + 1] = s1; c[at + 2] = s2; c[at + 3] = s3
}

const fround = Math.fround
const ZERO = /* @__PURE__ */ fround(0)

// Row by row: sixteen sums at once would gain a tenth to a fifth, for twice the code.
// biome-ignore format: as above.
function tileSequential(
  k: number, a: Panel, p: number, b: Panel, q: number, c: Panel, at: number, stride: number,
): void {
  for (let row = 0; row < TILE; row++) dotsSequential(k, a, p + row, TILE, b, q, TILE, 1, c, at + row * stride)
}

// biome-ignore format: one line for each step.
function dotsSequential(
  k: number, x: Panel, p: number, step: number,
  data: ArrayLike<number>, from: number, along: number, across: number, c: Panel, at: number,
): void {
  const second = 2 * across, third = 3 * across
  let s0 = ZERO, s1 = ZERO, s2 = ZERO, s3 = ZERO
  for (const end = p + k * step; p < end; p += step) {
    const xp = x[p]!
    s0 = fround(s0 + fround(xp * data[from]!))
    s1 = fround(s1 + fround(xp * data[from + across]!))
    s2 = fround(s2 + fround(xp * data[from + second]!))
    s3 = fround(s3 + fround(xp * data[from + third]!))
    from += along
  }
  c[at] = s0; c[at + 1] = s1; c[at + 2] = s2; c[at + 3] = s3
}
