import { largestOf, squaresOf } from './softmax-norm'
import { shareOf, steppedShareOf } from '../share'
import { sumOf } from '../vector'

const RUN: u32 = 1024

function total(x: usize, count: u32): f64 {
  let sum: f64 = 0
  let i: u32 = 0
  while (i + 4 <= count) {
    let lanes = f32x4.splat(0)
    const stop = min(count & ~3, i + RUN)
    for (; i < stop; i += 4) lanes = f32x4.add(lanes, v128.load(x + (i << 2)))
    sum += <f64>sumOf(lanes)
  }
  for (; i < count; i++) sum += <f64>f32.load(x + (i << 2))
  return sum
}

function largestSize(x: usize, count: u32): f32 {
  let most = f32x4.splat(0)
  let i: u32 = 0
  for (; i + 4 <= count; i += 4) most = f32x4.max(most, f32x4.abs(v128.load(x + (i << 2))))
  for (; i < count; i++) most = f32x4.max(most, f32x4.abs(v128.load32_splat(x + (i << 2))))
  return max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
}

/** Along columns `i` to `i + 4` of (length, inner). */
// @ts-ignore: decorator
@inline
function fourColumns(op: i32, x: usize, length: u32, step: usize): v128 {
  if (op == 1 || op == 2) {
    let most = f32x4.splat(op == 1 ? -f32.POSITIVE_INFINITY : 0)
    for (let l: u32 = 0; l < length; l++, x += step) {
      const v = v128.load(x)
      most = f32x4.max(most, op == 1 ? v : f32x4.abs(v))
    }
    return most
  }
  let low = f64x2.splat(0)
  let high = low
  for (let l: u32 = 0; l < length; l++, x += step) {
    const v = v128.load(x)
    const a = f64x2.promote_low_f32x4(v)
    const b = f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    low = f64x2.add(low, op == 0 ? a : f64x2.mul(a, a))
    high = f64x2.add(high, op == 0 ? b : f64x2.mul(b, b))
  }
  const a = f32x4.demote_f64x2_zero(low)
  const b = f32x4.demote_f64x2_zero(high)
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

function columns(op: i32, x: usize, length: u32, step: usize): v128 {
  if (op == 0) return fourColumns(0, x, length, step)
  if (op == 1) return fourColumns(1, x, length, step)
  if (op == 2) return fourColumns(2, x, length, step)
  return fourColumns(3, x, length, step)
}

export function reduce(
  y: usize,
  x: usize,
  op: i32,
  outer: u32,
  length: u32,
  inner: u32,
  part: u32,
  parts: u32,
): void {
  if (inner == 1) {
    const end = shareOf(outer, part + 1, parts)
    for (let o = shareOf(outer, part, parts); o < end; o++) {
      const from = x + (<usize>(o * length) << 2)
      let result: f32
      if (op == 0) result = <f32>total(from, length)
      else if (op == 1) result = largestOf(from, length)
      else if (op == 2) result = largestSize(from, length)
      else {
        result = <f32>squaresOf(from, length)
      }
      f32.store(y + (<usize>o << 2), result)
    }
    return
  }
  const step = <usize>inner << 2
  const start = steppedShareOf(inner, 16, part, parts)
  const end = steppedShareOf(inner, 16, part + 1, parts)
  for (let o: u32 = 0; o < outer; o++) {
    const from = x + (<usize>(o * length * inner) << 2)
    const to = y + (<usize>(o * inner) << 2)
    let i = start
    for (; i + 4 <= end; i += 4) v128.store(to + (i << 2), columns(op, from + (i << 2), length, step))
    // The vector of the last few reaches into what follows, and only its own lanes are stored.
    const rest = columns(op, from + (i << 2), i < end ? length : 0, step)
    if (i < end) f32.store(to + (i << 2), f32x4.extract_lane(rest, 0))
    if (i + 1 < end) f32.store(to + (i << 2) + 4, f32x4.extract_lane(rest, 1))
    if (i + 2 < end) f32.store(to + (i << 2) + 8, f32x4.extract_lane(rest, 2))
  }
}
