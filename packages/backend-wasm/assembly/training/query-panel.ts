import { packRows } from '../products/panel'
import { scaleRow } from '../rows/softmax-norm'
import { tileFree } from '../products/tile'
import { madd, transpose4 } from '../vector'

// Queries of a head, eight at a time, each a column: whatever is done for all of them is done lane by
// lane, and their scores are the packed right side of the products that follow.

/** Queries of a panel, which are the columns of a tile. */
export const PANEL: u32 = 8

// @ts-ignore: decorator
@inline
export function roundUp(size: u32, step: u32): u32 {
  return ((size + step - 1) / step) * step
}

/** Keys or values of a head, `count` rows `stride` floats apart, as the packed left side (headDim, 4) of four rows each; zeros up to whole panels. */
export function packKeys(to: usize, x: usize, stride: u32, count: u32, headDim: u32): void {
  const bytes = (<usize>headDim) << 4
  const whole = roundUp(count, PANEL)
  for (let i: u32 = 0; i < whole; i += 4, to += bytes) {
    if (i < count) packRows(to, x, stride, false, i, count, 0, headDim)
    else memory.fill(to, 0, bytes)
  }
}

/** The same on its side: the packed left side (count, 4) of four columns each. */
export function packKeysTurned(to: usize, x: usize, stride: u32, count: u32, headDim: u32): void {
  for (let d: u32 = 0; d < headDim; d += 4, to += (<usize>count) << 4)
    packRows(to, x, stride, true, d, headDim, 0, count)
}

/** Up to PANEL rows, `stride` floats apart, as columns (headDim, PANEL) times a factor; zeros beside them. */
export function turnIn(to: usize, x: usize, stride: u32, count: u32, headDim: u32, factor: f32): void {
  const step = (<usize>stride) << 2
  let d: u32 = 0
  if (count >= PANEL) {
    for (; d + 4 <= headDim; d += 4) {
      transpose4(to + (d << 5), 32, x + (d << 2), step)
      transpose4(to + (d << 5) + 16, 32, x + (d << 2) + 4 * step, step)
    }
  }
  for (; d < headDim; d++) {
    for (let r: u32 = 0; r < PANEL; r++)
      f32.store(to + (d << 5) + (r << 2), r < count ? f32.load(x + <usize>r * step + (d << 2)) : 0)
  }
  if (factor != 1) scaleRow(to, to, headDim << 3, factor)
}

/** Columns back to rows. */
export function turnOut(to: usize, stride: u32, x: usize, count: u32, headDim: u32): void {
  const step = (<usize>stride) << 2
  let d: u32 = 0
  if (count >= PANEL) {
    for (; d + 4 <= headDim; d += 4) {
      transpose4(to + (d << 2), step, x + (d << 5), 32)
      transpose4(to + (d << 2) + 4 * step, step, x + (d << 5) + 16, 32)
    }
  }
  for (; d < headDim; d++) {
    for (let r: u32 = 0; r < min(count, PANEL); r++)
      f32.store(to + <usize>r * step + (d << 2), f32.load(x + (d << 5) + (r << 2)))
  }
}

/** c (rows, PANEL) = a·b over the first k steps, a packed (steps, 4) in fours of rows, b (k, PANEL). */
export function multiplyPanel(c: usize, a: usize, steps: u32, b: usize, rows: u32, k: u32): void {
  for (let i: u32 = 0; i < rows; i += 4)
    tileFree(c + (i << 5), 32, a + ((<usize>(i * steps)) << 2), b, k, false)
}

/** Scores are in octaves, and so are the queries that they are made of: 2^(x·log₂e) = eˣ. */
export const OCTAVES: f32 = 1.4426950408889634
export const NATS: f32 = 0.6931471805599453

/** 1.5 · 2²³: a number added to it is rounded to an integer, which stands in the lowest bits of the sum. */
const ROUND: f32 = 12582912

/** 2ˣ for x ≤ 0 to 2e-7, and 0 below −127; NaN stays. Constants cost as much as arithmetic here: there are few. */
// @ts-ignore: decorator
@inline
function powerBelow(x: v128): v128 {
  const bounded = f32x4.pmax(x, f32x4.splat(-127))
  const rounded = f32x4.add(bounded, f32x4.splat(ROUND))
  const r = f32x4.sub(bounded, f32x4.sub(rounded, f32x4.splat(ROUND)))
  let p = madd(f32x4.splat(0.0013264727), r, f32x4.splat(0.009671513))
  p = madd(p, r, f32x4.splat(0.055507336))
  p = madd(p, r, f32x4.splat(0.24022242))
  p = madd(p, r, f32x4.splat(0.693147))
  p = madd(p, r, f32x4.splat(1))
  // The integer to the exponent of a float: at −127 that is 0.
  return f32x4.mul(p, i32x4.add(i32x4.shl(rounded, 23), i32x4.splat(0x3f800000)))
}

/**
 * e^(score − the largest of its query) as (keys, PANEL), 0 where a query does not see a key: those from key `first` + its number
 * in the panel on. One over their sums goes to `inverse` (PANEL).
 */
export function attendPanel(
  scores: usize,
  keys: usize,
  queries: usize,
  first: u32,
  headDim: u32,
  inverse: usize,
): void {
  multiplyPanel(scores, keys, headDim, queries, first + PANEL, headDim)
  const diagonal = scores + ((<usize>first) << 5)
  const end = diagonal + 32 * PANEL
  const never = f32x4.splat(-f32.POSITIVE_INFINITY)
  for (let i: u32 = 0; i < PANEL; i++) {
    const at = diagonal + (i << 5)
    const key = i32x4.splat(i)
    v128.store(at, v128.bitselect(v128.load(at), never, i32x4.ge_s(i32x4(0, 1, 2, 3), key)))
    v128.store(at, v128.bitselect(v128.load(at, 16), never, i32x4.ge_s(i32x4(4, 5, 6, 7), key)), 16)
  }
  // A NaN may get lost here: its exponential is NaN beside any largest one.
  let a = never
  let b = never
  for (let at = scores; at < end; at += 32) {
    a = f32x4.pmax(a, v128.load(at))
    b = f32x4.pmax(b, v128.load(at, 16))
  }
  let sumA = f32x4.splat(0)
  let sumB = sumA
  for (let at = scores; at < end; at += 32) {
    const x = powerBelow(f32x4.sub(v128.load(at), a))
    const y = powerBelow(f32x4.sub(v128.load(at, 16), b))
    sumA = f32x4.add(sumA, x)
    sumB = f32x4.add(sumB, y)
    v128.store(at, x)
    v128.store(at, y, 16)
  }
  v128.store(inverse, f32x4.div(f32x4.splat(1), sumA))
  v128.store(inverse, f32x4.div(f32x4.splat(1), sumB), 16)
}
