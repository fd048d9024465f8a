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

/**
 * c = a·b, with a (m, k), b (k, n) and c (m, n) row-major from `at` with rows `stride` apart.
 *
 * Operands are packed into panels of four so that one loop serves every dtype, stride and
 * transposition. `free` sums in float64, `sequential` in float32; both in the order of k.
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
  stride = n,
): void {
  if (m < TILE) {
    for (let i = 0; i < m; i++) gemv(n, k, a, i, b, c, sequential, at + i * stride)
    return
  }
  const Panel = sequential ? Float32Array : Float64Array
  const tile = sequential ? tileSequential : tileFree
  const aPanel = new Panel(k * TILE)
  const bBlock = new Panel(k * BLOCK)
  const sums = new Panel(TILE * TILE)
  for (let j0 = 0; j0 < n; j0 += BLOCK) {
    const columns = Math.min(BLOCK, n - j0)
    const panels: (Float32Array | Float64Array)[] = []
    for (let j = 0; j < columns; j += TILE) {
      const panel = bBlock.subarray(j * k, (j + TILE) * k)
      packPanel(b.data, b.offset + (j0 + j) * b.columnStride, b.columnStride, b.rowStride, Math.min(TILE, columns - j), k, panel)
      panels.push(panel)
    }
    for (let i0 = 0; i0 < m; i0 += TILE) {
      const rows = Math.min(TILE, m - i0)
      packPanel(a.data, a.offset + i0 * a.rowStride, a.rowStride, a.columnStride, rows, k, aPanel)
      for (let p = 0; p < panels.length; p++) {
        tile(k, aPanel, panels[p]!, sums)
        const width = Math.min(TILE, columns - p * TILE)
        for (let i = 0; i < rows; i++) {
          const row = at + (i0 + i) * stride + j0 + p * TILE
          for (let j = 0; j < width; j++) c[row + j] = sums[i * TILE + j]!
        }
      }
    }
  }
}

/** Four rows (or columns) interleaved: panel (k, 4), those past `width` as zeros. */
function packPanel(
  data: Float32Array | Float64Array,
  offset: number,
  across: number,
  along: number,
  width: number,
  k: number,
  panel: Float32Array | Float64Array,
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

type Panel = Float32Array | Float64Array

// Sixteen named sums, because only locals live in registers.
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

const { fround } = Math

function tileSequential(k: number, a: Panel, b: Panel, sums: Panel): void {
  sums.fill(0)
  for (let i = 0; i < TILE; i++) {
    let c0 = fround(0), c1 = fround(0), c2 = fround(0), c3 = fround(0)
    for (let p = 0; p < TILE * k; p += TILE) {
      const x = a[p + i]!
      c0 = fround(c0 + fround(x * b[p]!))
      c1 = fround(c1 + fround(x * b[p + 1]!))
      c2 = fround(c2 + fround(x * b[p + 2]!))
      c3 = fround(c3 + fround(x * b[p + 3]!))
    }
    sums[i * TILE] = c0
    sums[i * TILE + 1] = c1
    sums[i * TILE + 2] = c2
    sums[i * TILE + 3] = c3
  }
}

/** One row of the product, read in place: packing b would cost as much as multiplying. */
function gemv(
  n: number,
  k: number,
  a: Strided,
  row: number,
  b: Strided,
  c: Float32Array | Float64Array,
  sequential: boolean,
  at: number,
): void {
  const x = new Float64Array(k)
  for (let p = 0; p < k; p++) x[p] = a.data[a.offset + row * a.rowStride + p * a.columnStride]!
  const dot = sequential ? dotSequential : dotFree
  for (let j = 0; j < n; j++) c[at + j] = dot(k, x, b.data, b.offset + j * b.columnStride, b.rowStride)
}

function dotFree(k: number, x: Float64Array, data: Panel, from: number, step: number): number {
  let s0 = 0
  let s1 = 0
  let p = 0
  for (; p + 1 < k; p += 2) {
    s0 += x[p]! * data[from]!
    s1 += x[p + 1]! * data[from + step]!
    from += 2 * step
  }
  if (p < k) s0 += x[p]! * data[from]!
  return s0 + s1
}

function dotSequential(k: number, x: Float64Array, data: Panel, from: number, step: number): number {
  let sum = fround(0)
  for (let p = 0; p < k; p++) {
    sum = fround(sum + fround(fround(x[p]!) * data[from]!))
    from += step
  }
  return sum
}
