/** A matrix in a typed array: element (i, j) is at `offset + i·rowStride + j·columnStride`. */
export interface Strided {
  readonly data: Float32Array | Float64Array
  readonly offset: number
  readonly rowStride: number
  readonly columnStride: number
}

/** Columns of b that are packed at a time: with k up to a few thousand they stay in the second cache. */
const BLOCK = 64
/** The register tile: 4 × 4 sums. */
const TILE = 4

type Panel = Float32Array | Float64Array

/**
 * c = a·b, with a (m, k), b (k, n) and c (m, n) row-major from `at`.
 *
 * Every sum runs over k in order, so that no result depends on how many rows or columns there are:
 * in float64 and rounded once, or, when `sequential` and `c` is float32, rounded to float32 after
 * every multiplication and every addition.
 *
 * Operands are packed into panels of four so that one loop serves every dtype, stride and
 * transposition; fewer than four rows read b in place, because packing costs as much as multiplying.
 */
export function gemm(
  m: number,
  n: number,
  k: number,
  a: Strided,
  b: Strided,
  c: Float32Array | Float64Array,
  sequential = false,
  at = 0,
): void {
  const single = sequential && c instanceof Float32Array
  const Panel = single ? Float32Array : Float64Array
  if (m < TILE) {
    const row = new Panel(k)
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < k; p++) row[p] = a.data[a.offset + i * a.rowStride + p * a.columnStride]!
      multiplyRow(n, k, row, b, c, single, at + i * n)
    }
    return
  }
  const tile = single ? tileSequential : tileFree
  const aPanel = new Panel(k * TILE)
  const bBlock = new Panel(k * BLOCK)
  const sums = new Panel(TILE * TILE)
  for (let j0 = 0; j0 < n; j0 += BLOCK) {
    const columns = Math.min(BLOCK, n - j0)
    const panels: Panel[] = []
    for (let j = 0; j < columns; j += TILE) {
      const panel = bBlock.subarray(j * k, (j + TILE) * k)
      const from = b.offset + (j0 + j) * b.columnStride
      packPanel(b.data, from, b.columnStride, b.rowStride, Math.min(TILE, columns - j), k, panel)
      panels.push(panel)
    }
    for (let i0 = 0; i0 < m; i0 += TILE) {
      const rows = Math.min(TILE, m - i0)
      packPanel(a.data, a.offset + i0 * a.rowStride, a.rowStride, a.columnStride, rows, k, aPanel)
      for (let p = 0; p < panels.length; p++) {
        tile(k, aPanel, panels[p]!, sums)
        const width = Math.min(TILE, columns - p * TILE)
        for (let i = 0; i < rows; i++) {
          const row = at + (i0 + i) * n + j0 + p * TILE
          for (let j = 0; j < width; j++) c[row + j] = sums[i * TILE + j]!
        }
      }
    }
  }
}

/** Four rows (or columns) interleaved: panel (k, 4), those past `width` as zeros. */
function packPanel(
  data: Panel,
  offset: number,
  across: number,
  along: number,
  width: number,
  k: number,
  panel: Panel,
): void {
  for (let lane = 0; lane < TILE; lane++) {
    if (lane < width) {
      let from = offset + lane * across
      for (let p = lane; p < k * TILE; p += TILE) {
        panel[p] = data[from]!
        from += along
      }
    } else {
      for (let p = lane; p < k * TILE; p += TILE) panel[p] = 0
    }
  }
}

/** One row of the product, four columns at a time; lanes past the last column repeat it. */
function multiplyRow(
  n: number,
  k: number,
  row: Panel,
  b: Strided,
  c: Panel,
  single: boolean,
  at: number,
): void {
  const dots = single ? dotsSequential : dotsFree
  const sums = new Float64Array(TILE)
  for (let j = 0; j < n; j += TILE) {
    const width = Math.min(TILE, n - j)
    const lane = (i: number) => Math.min(i, width - 1) * b.columnStride
    dots(k, row, b.data, b.offset + j * b.columnStride, b.rowStride, lane(1), lane(2), lane(3), sums)
    for (let i = 0; i < width; i++) c[at + j + i] = sums[i]!
  }
}

// Sixteen named sums, because only locals live in registers.
// biome-ignore format: a table of sums reads better than its 40 lines.
function tileFree(k: number, a: Panel, b: Panel, sums: Panel): void {
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0
  let c10 = 0, c11 = 0, c12 = 0, c13 = 0
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0
  let c30 = 0, c31 = 0, c32 = 0, c33 = 0
  for (let p = 0; p < TILE * k; p += TILE) {
    const a0 = a[p]!, a1 = a[p + 1]!, a2 = a[p + 2]!, a3 = a[p + 3]!
    const b0 = b[p]!, b1 = b[p + 1]!, b2 = b[p + 2]!, b3 = b[p + 3]!
    c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3
    c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3
    c20 += a2 * b0; c21 += a2 * b1; c22 += a2 * b2; c23 += a2 * b3
    c30 += a3 * b0; c31 += a3 * b1; c32 += a3 * b2; c33 += a3 * b3
  }
  sums[0] = c00; sums[1] = c01; sums[2] = c02; sums[3] = c03
  sums[4] = c10; sums[5] = c11; sums[6] = c12; sums[7] = c13
  sums[8] = c20; sums[9] = c21; sums[10] = c22; sums[11] = c23
  sums[12] = c30; sums[13] = c31; sums[14] = c32; sums[15] = c33
}

// biome-ignore format: one line for each lane.
function dotsFree(
  k: number, x: Panel, data: Panel, from: number, step: number,
  lane1: number, lane2: number, lane3: number, sums: Float64Array,
): void {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0
  for (let p = 0; p < k; p++) {
    const xp = x[p]!
    s0 += xp * data[from]!
    s1 += xp * data[from + lane1]!
    s2 += xp * data[from + lane2]!
    s3 += xp * data[from + lane3]!
    from += step
  }
  sums[0] = s0; sums[1] = s1; sums[2] = s2; sums[3] = s3
}

const { fround } = Math
const ZERO = /* @__PURE__ */ fround(0)

// biome-ignore format: a table of sums reads better than its 40 lines.
function tileSequential(k: number, a: Panel, b: Panel, sums: Panel): void {
  let c00 = ZERO, c01 = ZERO, c02 = ZERO, c03 = ZERO
  let c10 = ZERO, c11 = ZERO, c12 = ZERO, c13 = ZERO
  let c20 = ZERO, c21 = ZERO, c22 = ZERO, c23 = ZERO
  let c30 = ZERO, c31 = ZERO, c32 = ZERO, c33 = ZERO
  for (let p = 0; p < TILE * k; p += TILE) {
    const a0 = a[p]!, a1 = a[p + 1]!, a2 = a[p + 2]!, a3 = a[p + 3]!
    const b0 = b[p]!, b1 = b[p + 1]!, b2 = b[p + 2]!, b3 = b[p + 3]!
    c00 = fround(c00 + fround(a0 * b0)); c01 = fround(c01 + fround(a0 * b1))
    c02 = fround(c02 + fround(a0 * b2)); c03 = fround(c03 + fround(a0 * b3))
    c10 = fround(c10 + fround(a1 * b0)); c11 = fround(c11 + fround(a1 * b1))
    c12 = fround(c12 + fround(a1 * b2)); c13 = fround(c13 + fround(a1 * b3))
    c20 = fround(c20 + fround(a2 * b0)); c21 = fround(c21 + fround(a2 * b1))
    c22 = fround(c22 + fround(a2 * b2)); c23 = fround(c23 + fround(a2 * b3))
    c30 = fround(c30 + fround(a3 * b0)); c31 = fround(c31 + fround(a3 * b1))
    c32 = fround(c32 + fround(a3 * b2)); c33 = fround(c33 + fround(a3 * b3))
  }
  sums[0] = c00; sums[1] = c01; sums[2] = c02; sums[3] = c03
  sums[4] = c10; sums[5] = c11; sums[6] = c12; sums[7] = c13
  sums[8] = c20; sums[9] = c21; sums[10] = c22; sums[11] = c23
  sums[12] = c30; sums[13] = c31; sums[14] = c32; sums[15] = c33
}

// biome-ignore format: one line for each lane.
function dotsSequential(
  k: number, x: Panel, data: Panel, from: number, step: number,
  lane1: number, lane2: number, lane3: number, sums: Float64Array,
): void {
  let s0 = ZERO, s1 = ZERO, s2 = ZERO, s3 = ZERO
  for (let p = 0; p < k; p++) {
    const xp = x[p]!
    s0 = fround(s0 + fround(xp * data[from]!))
    s1 = fround(s1 + fround(xp * data[from + lane1]!))
    s2 = fround(s2 + fround(xp * data[from + lane2]!))
    s3 = fround(s3 + fround(xp * data[from + lane3]!))
    from += step
  }
  sums[0] = s0; sums[1] = s1; sums[2] = s2; sums[3] = s3
}
