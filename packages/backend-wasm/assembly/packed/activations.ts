import { groupCount, SEGMENT_BLOCKS } from './layout'
import { integerSumOf } from '../vector'

/** Segments that the columns fall into: pieces of groups with an own scale of the activations. */
export function segmentCount(columns: u32, group: u32): u32 {
  const groups = groupCount(columns, group)
  if (groups == 0) return 0
  const length = groups == 1 ? columns : group
  const full = (length + 32 * SEGMENT_BLOCKS - 1) / (32 * SEGMENT_BLOCKS)
  const rest = columns - (groups - 1) * length
  return (groups - 1) * full + (rest + 32 * SEGMENT_BLOCKS - 1) / (32 * SEGMENT_BLOCKS)
}

// @ts-ignore: decorator
@inline
function sizeAt(x: usize, count: u32): v128 {
  if (count >= 4) return f32x4.abs(v128.load(x))
  let v = v128.load32_zero(x)
  if (count > 1) v = v128.load32_lane(x + 4, v, 1)
  if (count > 2) v = v128.load32_lane(x + 8, v, 2)
  return f32x4.abs(v)
}

/**
 * A row of activations as 16-bit integers, segment by segment.
 *
 * @param q  pairs of neighbours, `step` bytes apart, up to a whole block of 32
 * @param numbers  for each segment its unit (float32; NaN where an activation is not finite) and the
 *   sum of its integers (int32), `numberStep` bytes apart
 * @param most  the largest integer
 */
export function quantizeRow(
  q: usize,
  step: usize,
  numbers: usize,
  numberStep: usize,
  x: usize,
  columns: u32,
  group: u32,
  most: f32,
): void {
  const groups = groupCount(columns, group)
  let at: u32 = 0
  for (let g: u32 = 0; g < groups; g++) {
    const groupEnd = groups == 1 ? columns : min(columns, (g + 1) * group)
    while (at < groupEnd) {
      const count = min(32 * SEGMENT_BLOCKS, groupEnd - at)
      quantizeSegment(q, step, numbers, x + (<usize>at << 2), count, most)
      q += <usize>((count + 31) >> 5) * (step << 4)
      numbers += numberStep
      at += count
    }
  }
}

function quantizeSegment(q: usize, step: usize, numbers: usize, x: usize, count: u32, most: f32): void {
  const largest = largestAt(x, count)
  const inverse = inverseOf(largest, most)
  let sum = i32x4.splat(0)
  const whole = (count + 31) & ~31
  for (let i: u32 = 0; i < whole; i += 8) {
    const v = wordsAt(x, i, count, inverse)
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v, i16x8.splat(1)))
    v128.store32_lane(q, v, 0)
    v128.store32_lane(q + step, v, 1)
    v128.store32_lane(q + 2 * step, v, 2)
    v128.store32_lane(q + 3 * step, v, 3)
    q += step << 2
  }
  f32.store(numbers, unitOf(largest, most))
  i32.store(numbers, integerSumOf(sum), 4)
}

/** How a row of activations is held that meets packed codes block by block. */
export const BYTES: i32 = 0
/** 16-bit integers whose upper and lower bytes lie apart, as two signed bytes. */
export const SPLIT: i32 = 1
/** 16-bit integers. */
export const WORDS: i32 = 2

/** Bytes of 32 activations and their numbers. */
// @ts-ignore: decorator
@inline
export function roundedBytes(form: i32): usize {
  return form == BYTES ? 40 : 72
}

/**
 * A row of activations as integers, 32 by 32: each with its unit (float32; NaN where one is not
 * finite) and the sum of its integers times `factor` (int32) behind it.
 *
 * Bytes follow the order of the nibbles of a packed block: of eight columns first 0, 4, 1, 5, which meet
 * the lower nibbles, then 2, 6, 3, 7; split ones both of the upper bytes and both of the lower.
 */
export function quantizeBlocks(q: usize, x: usize, columns: u32, form: i32, factor: i32): void {
  const most: f32 = form == BYTES ? 127 : form == SPLIT ? 32512 : 32767
  for (let at: u32 = 0; at < columns; at += 32, x += 128) {
    const count = min(32, columns - at)
    const largest = largestAt(x, count)
    const inverse = inverseOf(largest, most)
    let sum = i32x4.splat(0)
    for (let i: u32 = 0; i < 32; i += 8) {
      const v = wordsAt(x, i, count, inverse)
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(v, i16x8.splat(1)))
      if (form == WORDS) v128.store(q, v)
      else {
        const upper = form == BYTES ? v : i16x8.shr_s(i16x8.add(v, i16x8.splat(128)), 8)
        const bytes = i8x16.narrow_i16x8_s(upper, i16x8.sub(v, i16x8.shl(upper, 8)))
        const ordered = i8x16.shuffle(bytes, bytes, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15)
        // Of bytes alone the upper eight are nobody's, and what follows is written over them.
        v128.store(q, ordered)
      }
      q += form == BYTES ? 8 : 16
    }
    f32.store(q, unitOf(largest, most))
    i32.store(q, integerSumOf(sum) * factor, 4)
    q += 8
  }
}

/** The largest magnitude; infinite where one is not finite. */
function largestAt(x: usize, count: u32): f32 {
  let sizes = f32x4.splat(0)
  for (let i: u32 = 0; i < count; i += 4) sizes = f32x4.max(sizes, sizeAt(x + (i << 2), count - i))
  const largest = max(
    max(f32x4.extract_lane(sizes, 0), f32x4.extract_lane(sizes, 1)),
    max(f32x4.extract_lane(sizes, 2), f32x4.extract_lane(sizes, 3)),
  )
  return largest < f32.POSITIVE_INFINITY ? largest : f32.POSITIVE_INFINITY
}

/** Numbers near the end of float32's range are moved up first, or their unit would be 0. */
// @ts-ignore: decorator
@inline
function liftOf(largest: f32): f32 {
  return largest < 1e-30 ? 1.2676506002282294e30 : 1
}

// @ts-ignore: decorator
@inline
function inverseOf(largest: f32, most: f32): v128 {
  const lift = liftOf(largest)
  const finite = largest < f32.POSITIVE_INFINITY
  return f32x4.splat(finite && largest > 0 ? (most / (largest * lift)) * lift : 0)
}

// @ts-ignore: decorator
@inline
function unitOf(largest: f32, most: f32): f32 {
  const lift = liftOf(largest)
  return largest < f32.POSITIVE_INFINITY ? (largest * lift) / most / lift : f32.NaN
}

/** Columns i to i + 8 as 16-bit integers, zeros past the last. */
// @ts-ignore: decorator
@inline
function wordsAt(x: usize, i: u32, count: u32, inverse: v128): v128 {
  return i16x8.narrow_i32x4_s(integersAt(x, i, count, inverse), integersAt(x, i + 4, count, inverse))
}

// @ts-ignore: decorator
@inline
function integersAt(x: usize, i: u32, count: u32, inverse: v128): v128 {
  if (i >= count) return i32x4.splat(0)
  let v = v128.load(x + (i << 2))
  // What is read past the end is nobody's number.
  if (i + 4 > count) v = v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count - i)))
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v, inverse)))
}
