import { madd, sumsOf } from '../vector'

/**
 * c (m, n) = or += a·bᵀ where both lie along k: each row of b is read once for all of a, so that few
 * rows of a stream b at the speed of memory. Rows of a and b begin `aStep` and `bStep` bytes apart,
 * those of c `cStep`.
 */
export function dots(
  c: usize,
  cStep: usize,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  m: u32,
  n: u32,
  k: u32,
  accumulate: bool,
): void {
  // With few rows of a, all of them pass over two rows of b while those are in the first cache.
  let i: u32 = 0
  if (m >= 3) {
    for (let j: u32 = 0; j < n; j += 2) {
      const b0 = b + <usize>j * bStep
      const b1 = j + 1 < n ? b0 + bStep : b0
      for (i = 0; i + 3 <= m; i += 4) fourByTwo(c, cStep, a, aStep, b0, b1, i, m, j, n, k, accumulate)
    }
  }
  for (; i < m; i++) {
    for (let j: u32 = 0; j < n; j += 4) oneByFour(c + <usize>i * cStep, a + <usize>i * aStep, b, bStep, j, n, k, accumulate)
  }
}

/** Rows past the last repeat it, and are not stored. */
// @ts-ignore: decorator
@inline
function rowAt(base: usize, step: usize, i: u32, count: u32): usize {
  return base + <usize>(i < count ? i : count - 1) * step
}

// @ts-ignore: decorator
@inline
function put(c: usize, sum: f32, accumulate: bool): void {
  f32.store(c, accumulate ? f32.load(c) + sum : sum)
}

function fourByTwo(
  c: usize,
  cStep: usize,
  a: usize,
  aStep: usize,
  b0: usize,
  b1: usize,
  i: u32,
  m: u32,
  j: u32,
  n: u32,
  k: u32,
  accumulate: bool,
): void {
  const a0 = a + <usize>i * aStep
  const a1 = rowAt(a, aStep, i + 1, m)
  const a2 = rowAt(a, aStep, i + 2, m)
  const a3 = rowAt(a, aStep, i + 3, m)
  let s00 = f32x4.splat(0)
  let s10 = s00
  let s20 = s00
  let s30 = s00
  let s01 = s00
  let s11 = s00
  let s21 = s00
  let s31 = s00
  const whole = (<usize>k >> 2) << 4
  let p: usize = 0
  for (; p < whole; p += 16) {
    const w0 = v128.load(b0 + p)
    const w1 = v128.load(b1 + p)
    let x = v128.load(a0 + p)
    s00 = madd(x, w0, s00)
    s01 = madd(x, w1, s01)
    x = v128.load(a1 + p)
    s10 = madd(x, w0, s10)
    s11 = madd(x, w1, s11)
    x = v128.load(a2 + p)
    s20 = madd(x, w0, s20)
    s21 = madd(x, w1, s21)
    x = v128.load(a3 + p)
    s30 = madd(x, w0, s30)
    s31 = madd(x, w1, s31)
  }
  let left = sumsOf(s00, s10, s20, s30)
  let right = sumsOf(s01, s11, s21, s31)
  for (const end = <usize>k << 2; p < end; p += 4) {
    let x = v128.load32_zero(a0 + p)
    x = v128.load32_lane(a1 + p, x, 1)
    x = v128.load32_lane(a2 + p, x, 2)
    x = v128.load32_lane(a3 + p, x, 3)
    left = madd(x, v128.load32_splat(b0 + p), left)
    right = madd(x, v128.load32_splat(b1 + p), right)
  }
  let to = c + <usize>i * cStep + (<usize>j << 2)
  const both = j + 1 < n
  put(to, f32x4.extract_lane(left, 0), accumulate)
  if (both) put(to + 4, f32x4.extract_lane(right, 0), accumulate)
  to += cStep
  if (i + 1 < m) {
    put(to, f32x4.extract_lane(left, 1), accumulate)
    if (both) put(to + 4, f32x4.extract_lane(right, 1), accumulate)
  }
  to += cStep
  if (i + 2 < m) {
    put(to, f32x4.extract_lane(left, 2), accumulate)
    if (both) put(to + 4, f32x4.extract_lane(right, 2), accumulate)
  }
  to += cStep
  if (i + 3 < m) {
    put(to, f32x4.extract_lane(left, 3), accumulate)
    if (both) put(to + 4, f32x4.extract_lane(right, 3), accumulate)
  }
}

function oneByFour(
  c: usize,
  a: usize,
  b: usize,
  bStep: usize,
  j: u32,
  n: u32,
  k: u32,
  accumulate: bool,
): void {
  const b0 = b + <usize>j * bStep
  const b1 = rowAt(b, bStep, j + 1, n)
  const b2 = rowAt(b, bStep, j + 2, n)
  const b3 = rowAt(b, bStep, j + 3, n)
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  const whole = (<usize>k >> 2) << 4
  let p: usize = 0
  for (; p < whole; p += 16) {
    const x = v128.load(a + p)
    s0 = madd(x, v128.load(b0 + p), s0)
    s1 = madd(x, v128.load(b1 + p), s1)
    s2 = madd(x, v128.load(b2 + p), s2)
    s3 = madd(x, v128.load(b3 + p), s3)
  }
  let sums = sumsOf(s0, s1, s2, s3)
  for (const end = <usize>k << 2; p < end; p += 4) {
    let w = v128.load32_zero(b0 + p)
    w = v128.load32_lane(b1 + p, w, 1)
    w = v128.load32_lane(b2 + p, w, 2)
    w = v128.load32_lane(b3 + p, w, 3)
    sums = madd(v128.load32_splat(a + p), w, sums)
  }
  const to = c + (<usize>j << 2)
  if (j + 4 <= n) {
    v128.store(to, accumulate ? f32x4.add(v128.load(to), sums) : sums)
    return
  }
  put(to, f32x4.extract_lane(sums, 0), accumulate)
  if (j + 1 < n) put(to + 4, f32x4.extract_lane(sums, 1), accumulate)
  if (j + 2 < n) put(to + 8, f32x4.extract_lane(sums, 2), accumulate)
}
