import { dots } from './dots'
import { PLAIN, packColumns, packRows, TRANSPOSED } from './panel'
import { scratchOf } from '../scratch'
import { shareOf } from '../share'
import { tileFree, tileInOrder } from './tile'

const TRANSPOSE_A: u32 = 1
const TRANSPOSE_B: u32 = 2
const ACCUMULATE: u32 = 4
const IN_ORDER: u32 = 8

/** Rows of a, columns of b and steps of k that are packed at a time; a stays in the second cache, a panel of b in the first. */
const ROWS: u32 = 64
const COLUMNS: u32 = 384
const STEPS: u32 = 256

/** Working memory, in bytes from the part's own. */
const TILE_AT: usize = 0 // (4, 8)
const STRIP_AT: usize = 128 // (8, 256)
const SUMS_AT: usize = STRIP_AT + 8192 // (64, 128), or (4, 1024)
const A_AT: usize = SUMS_AT + 32768 // (64, 256)
const B_AT: usize = A_AT + 65536 // (384, 256)
/** Bytes of working memory of a product on one thread. */
export const GEMM_BYTES: usize = B_AT + 393216

/** Up to so many rows of a multiply a transposed b as it lies. */
const FEW: u32 = 16

export function gemm(
  c: usize,
  a: usize,
  b: usize,
  batch: u32,
  m: u32,
  n: u32,
  k: u32,
  strideA: u32,
  strideB: u32,
  strideC: u32,
  flags: u32,
  part: u32,
  parts: u32,
): void {
  const lda = (flags & TRANSPOSE_A) != 0 ? m : k
  const ldb = (flags & TRANSPOSE_B) != 0 ? k : n
  let first: u32 = 0
  let last = batch
  let i0: u32 = 0
  let i1 = m
  let j0: u32 = 0
  let j1 = n
  if (batch >= parts) {
    first = shareOf(batch, part, parts)
    last = shareOf(batch, part + 1, parts)
  } else if (n >= m || n >= parts * 64) {
    j0 = min(n, shareOf((n + 7) >> 3, part, parts) << 3)
    j1 = min(n, shareOf((n + 7) >> 3, part + 1, parts) << 3)
  } else {
    i0 = min(m, shareOf((m + 3) >> 2, part, parts) << 2)
    i1 = min(m, shareOf((m + 3) >> 2, part + 1, parts) << 2)
  }
  if (i0 == i1 || j0 == j1) return
  const scratch = scratchOf(part)
  for (let i = first; i < last; i++) {
    multiply(
      c + ((<usize>(i * strideC + i0 * n + j0)) << 2),
      n,
      a + ((<usize>(i * strideA + ((flags & TRANSPOSE_A) != 0 ? i0 : i0 * lda))) << 2),
      lda,
      b + ((<usize>(i * strideB + ((flags & TRANSPOSE_B) != 0 ? j0 * ldb : j0))) << 2),
      ldb,
      i1 - i0,
      j1 - j0,
      k,
      flags,
      scratch,
    )
  }
}

/** One product on this thread; rows lie `lda`, `ldb` and `ldc` floats apart. */
export function multiply(
  c: usize,
  ldc: u32,
  a: usize,
  lda: u32,
  b: usize,
  ldb: u32,
  m: u32,
  n: u32,
  k: u32,
  flags: u32,
  scratch: usize,
): void {
  if ((flags & (ACCUMULATE | IN_ORDER)) == (ACCUMULATE | IN_ORDER)) {
    addInOrder(c, ldc, a, lda, b, ldb, m, n, k, flags & ~ACCUMULATE, scratch)
    return
  }
  const accumulate = (flags & ACCUMULATE) != 0
  const inOrder = (flags & IN_ORDER) != 0
  const alongRows = (flags & TRANSPOSE_A) == 0 || (m == 1 && lda == 1)
  if (alongRows && (flags & TRANSPOSE_B) != 0 && !inOrder && m < FEW) {
    dots(c, (<usize>ldc) << 2, a, (<usize>lda) << 2, b, (<usize>ldb) << 2, m, n, k, accumulate)
  } else if (alongRows && (flags & TRANSPOSE_B) == 0 && m <= 4) {
    combineRows(c, ldc, a, lda, b, ldb, m, n, k, accumulate, scratch + SUMS_AT)
  } else {
    const source = (flags & TRANSPOSE_B) != 0 ? TRANSPOSED : PLAIN
    multiplyBlocks(
      c,
      ldc,
      a,
      lda,
      (flags & TRANSPOSE_A) != 0,
      b,
      ldb,
      source,
      m,
      0,
      n,
      k,
      accumulate,
      inOrder,
      scratch,
    )
  }
}

/** Columns `start` to `n` of c = or += a·b. Packs blocks of both operands, so that one loop serves every layout and source of b. */
export function multiplyBlocks(
  c: usize,
  ldc: u32,
  a: usize,
  lda: u32,
  transposeA: bool,
  b: usize,
  ldb: u32,
  source: i32,
  m: u32,
  start: u32,
  n: u32,
  k: u32,
  accumulate: bool,
  inOrder: bool,
  scratch: usize,
): void {
  if (k == 0) {
    if (accumulate || start >= n) return
    for (let i: u32 = 0; i < m; i++)
      memory.fill(c + ((<usize>(i * ldc + start)) << 2), 0, (<usize>(n - start)) << 2)
    return
  }
  const step = (<usize>ldc) << 2
  const edge = scratch + TILE_AT
  for (let j0 = start; j0 < n; j0 += COLUMNS) {
    const columns = min(COLUMNS, n - j0)
    for (let p: u32 = 0; p < k; p += STEPS) {
      const length = min(STEPS, k - p)
      const add = accumulate || p > 0
      for (let j: u32 = 0; j < columns; j += 8) {
        packColumns(
          scratch + B_AT + ((<usize>(j * length)) << 2),
          source,
          b,
          ldb,
          j0 + j,
          n,
          p,
          length,
          scratch + STRIP_AT,
        )
      }
      for (let i0: u32 = 0; i0 < m; i0 += ROWS) {
        const rows = min(ROWS, m - i0)
        for (let i: u32 = 0; i < rows; i += 4) {
          packRows(scratch + A_AT + ((<usize>(i * length)) << 2), a, lda, transposeA, i0 + i, m, p, length)
        }
        for (let j: u32 = 0; j < columns; j += 8) {
          const right = scratch + B_AT + ((<usize>(j * length)) << 2)
          for (let i: u32 = 0; i < rows; i += 4) {
            const left = scratch + A_AT + ((<usize>(i * length)) << 2)
            const to = c + ((<usize>((i0 + i) * ldc + j0 + j)) << 2)
            if (i + 4 <= rows && j + 8 <= columns) {
              if (inOrder) tileInOrder(to, step, left, right, length, add)
              else tileFree(to, step, left, right, length, add)
              continue
            }
            const high = min(4, rows - i)
            const wide = (<usize>min(8, columns - j)) << 2
            if (add)
              for (let r: u32 = 0; r < high; r++) memory.copy(edge + (r << 5), to + <usize>r * step, wide)
            if (inOrder) tileInOrder(edge, 32, left, right, length, add)
            else tileFree(edge, 32, left, right, length, add)
            for (let r: u32 = 0; r < high; r++) memory.copy(to + <usize>r * step, edge + (r << 5), wide)
          }
        }
      }
    }
  }
}

/** c += a·b in order: each sum is complete before it is added. */
function addInOrder(
  c: usize,
  ldc: u32,
  a: usize,
  lda: u32,
  b: usize,
  ldb: u32,
  m: u32,
  n: u32,
  k: u32,
  flags: u32,
  scratch: usize,
): void {
  const sums = scratch + SUMS_AT
  const rowStep = (flags & TRANSPOSE_A) != 0 ? 1 : lda
  const columnStep = (flags & TRANSPOSE_B) != 0 ? ldb : 1
  for (let i: u32 = 0; i < m; i += ROWS) {
    for (let j: u32 = 0; j < n; j += 128) {
      const rows = min(ROWS, m - i)
      const columns = min(128, n - j)
      const left = a + ((<usize>(i * rowStep)) << 2)
      const right = b + ((<usize>(j * columnStep)) << 2)
      const source = (flags & TRANSPOSE_B) != 0 ? TRANSPOSED : PLAIN
      multiplyBlocks(
        sums,
        128,
        left,
        lda,
        (flags & TRANSPOSE_A) != 0,
        right,
        ldb,
        source,
        rows,
        0,
        columns,
        k,
        false,
        true,
        scratch,
      )
      for (let r: u32 = 0; r < rows; r++) {
        const from = sums + ((<usize>(r * 128)) << 2)
        const to = c + ((<usize>((i + r) * ldc + j)) << 2)
        for (let q: u32 = 0; q < columns; q++)
          f32.store(to + (q << 2), f32.load(to + (q << 2)) + f32.load(from + (q << 2)))
      }
    }
  }
}

/** c (m ≤ 4, n) = or += a·b for b (k, n): sums of rows of b, read once and in order. */
function combineRows(
  c: usize,
  ldc: u32,
  a: usize,
  lda: u32,
  b: usize,
  ldb: u32,
  m: u32,
  n: u32,
  k: u32,
  accumulate: bool,
  sums: usize,
): void {
  for (let j0: u32 = 0; j0 < n; j0 += 1024) {
    const columns = min(1024, n - j0)
    const bytes = (<usize>columns) << 2
    for (let i: u32 = 0; i < m; i++) {
      if (accumulate) memory.copy(sums + (i << 12), c + ((<usize>(i * ldc + j0)) << 2), bytes)
      else memory.fill(sums + (i << 12), 0, bytes)
    }
    let p: u32 = 0
    const step = (<usize>ldb) << 2
    for (; p + 4 <= k; p += 4) {
      const row = b + ((<usize>(p * ldb + j0)) << 2)
      for (let i: u32 = 0; i < m; i++)
        addFour(sums + (i << 12), row, step, a + ((<usize>(i * lda + p)) << 2), columns)
    }
    for (; p < k; p++) {
      const row = b + ((<usize>(p * ldb + j0)) << 2)
      for (let i: u32 = 0; i < m; i++) {
        const x = f32.load(a + ((<usize>(i * lda + p)) << 2))
        const sum = sums + (i << 12)
        for (let j: usize = 0; j < bytes; j += 4)
          f32.store(sum + j, f32.load(sum + j) + x * f32.load(row + j))
      }
    }
    for (let i: u32 = 0; i < m; i++) memory.copy(c + ((<usize>(i * ldc + j0)) << 2), sums + (i << 12), bytes)
  }
}

/** Four rows of b times four numbers of a, in order and unfused: here b's way from memory is what costs. */
function addFour(sum: usize, b0: usize, step: usize, a: usize, columns: u32): void {
  const b1 = b0 + step
  const b2 = b1 + step
  const b3 = b2 + step
  const x0 = v128.load32_splat(a)
  const x1 = v128.load32_splat(a, 4)
  const x2 = v128.load32_splat(a, 8)
  const x3 = v128.load32_splat(a, 12)
  const whole = (<usize>columns >> 2) << 4
  let j: usize = 0
  for (; j < whole; j += 16) {
    let s = v128.load(sum + j)
    s = f32x4.add(s, f32x4.mul(x0, v128.load(b0 + j)))
    s = f32x4.add(s, f32x4.mul(x1, v128.load(b1 + j)))
    s = f32x4.add(s, f32x4.mul(x2, v128.load(b2 + j)))
    s = f32x4.add(s, f32x4.mul(x3, v128.load(b3 + j)))
    v128.store(sum + j, s)
  }
  for (const end = (<usize>columns) << 2; j < end; j += 4) {
    let s = f32.load(sum + j)
    s = s + f32x4.extract_lane(x0, 0) * f32.load(b0 + j)
    s = s + f32x4.extract_lane(x1, 0) * f32.load(b1 + j)
    s = s + f32x4.extract_lane(x2, 0) * f32.load(b2 + j)
    s = s + f32x4.extract_lane(x3, 0) * f32.load(b3 + j)
    f32.store(sum + j, s)
  }
}
