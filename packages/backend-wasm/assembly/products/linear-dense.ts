import { dots } from './dots'
import { multiplyBlocks } from './gemm'
import { NARROW, STRIP, setRows, TWO_OF_FOUR, widenRows } from './panel'
import { scratchOf } from '../scratch'
import { shareOf } from '../share'

/** Up to so many rows of x multiply rows of w as they are widened; more pack them like a plain product. */
const FEW: u32 = 16

/** y (m, n) = or += x·wᵀ for rows of w that are widened strip by strip. */
function linearRows(
  source: i32,
  y: usize,
  x: usize,
  w: usize,
  m: u32,
  n: u32,
  k: u32,
  accumulate: bool,
  part: u32,
  parts: u32,
): void {
  const scratch = scratchOf(part)
  const start = min(n, shareOf((n + 7) >> 3, part, parts) << 3)
  const end = min(n, shareOf((n + 7) >> 3, part + 1, parts) << 3)
  if (m >= FEW || k == 0) {
    // The rows are counted over all of w, because those of two values in four have no address of their own.
    multiplyBlocks(y, n, x, k, false, w, k, source, m, start, end, k, accumulate, false, scratch)
    return
  }
  for (let j = start; j < end; j += 8) {
    const count = min(8, end - j)
    for (let p: u32 = 0; p < k; p += STRIP) {
      const length = min(STRIP, k - p)
      widenRows(scratch, source, w, k, j, count, p, length)
      const to = y + ((<usize>j) << 2)
      dots(
        to,
        (<usize>n) << 2,
        x + ((<usize>p) << 2),
        (<usize>k) << 2,
        scratch,
        (<usize>STRIP) << 2,
        m,
        count,
        length,
        accumulate || p > 0,
      )
    }
  }
}

export function linearDense(
  y: usize,
  x: usize,
  w: usize,
  m: u32,
  n: u32,
  k: u32,
  type: i32,
  accumulate: u32,
  part: u32,
  parts: u32,
): void {
  setRows(type, 0)
  linearRows(NARROW, y, x, w, m, n, k, accumulate != 0, part, parts)
}

export function linearTwoOfFour(
  y: usize,
  x: usize,
  values: usize,
  index: usize,
  m: u32,
  n: u32,
  k: u32,
  type: i32,
  accumulate: u32,
  part: u32,
  parts: u32,
): void {
  setRows(type, index)
  linearRows(TWO_OF_FOUR, y, x, values, m, n, k, accumulate != 0, part, parts)
}
