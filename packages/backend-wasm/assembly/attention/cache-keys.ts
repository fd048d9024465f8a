import { bits, group, groups, headDim, nibble, rowBytes, scales, shiftKind, shifts } from './cache-codes'
import { madd, sumsOf } from '../vector'

// Scores of a query over codes as they are, in integers, four keys at a time.

/**
 * A query as 16-bit integers in the order of the codes' lanes.
 *
 * @param to  integers (headDim)
 * @param sums  what the integers of each group add up to, in float32 (groups)
 * @returns what an integer counts
 */
export function quantizeQuery(to: usize, sums: usize, query: usize): f32 {
  let largest: f32 = 0
  for (let d: u32 = 0; d < headDim; d++) largest = max(largest, abs(f32.load(query + (d << 2))))
  const finite = largest < f32.POSITIVE_INFINITY
  const inverse: f32 = finite && largest > 1e-30 ? 32767 / largest : 0
  const unit: f32 = finite ? (inverse == 0 ? 0 : largest / 32767) : f32.NaN
  for (let g: u32 = 0; g < groups; g++, to += <usize>group << 1, query += <usize>group << 2, sums += 4) {
    let sum = 0
    for (let d: u32 = 0; d < group; d++) {
      const value = <i32>nearest(f32.load(query + (d << 2)) * inverse)
      sum += value
      // Nibble c of lane l is code 4l + c: four vectors for each 32 columns.
      const at = bits == 8 ? d : (d & ~31) + ((d & 3) << 3) + ((d & 31) >> 2)
      store<i16>(to + (at << 1), value)
    }
    f32.store(sums, unit * <f32>sum)
  }
  return unit
}

/** Scores (count) of a quantised query. */
export function codeScores(scores: usize, codes: usize, query: usize, unit: f32, sums: usize, count: u32): void {
  const bytes = rowBytes()
  const numbers = <usize>groups << 2
  let number: usize = 0
  for (; count >= 4; count -= 4, scores += 16, codes += bytes << 2, number += numbers << 2) {
    v128.store(scores, fourScores(codes, bytes, number, numbers, query, unit, sums))
  }
  for (; count > 0; count--, scores += 4, codes += bytes, number += numbers) {
    v128.store32_lane(scores, fourScores(codes, 0, number, 0, query, unit, sums), 0)
  }
}

/** Scores of four keys whose codes and numbers lie so many bytes apart. */
function fourScores(codes: usize, apart: usize, number: usize, numbersApart: usize, query: usize, unit: f32, sums: usize): v128 {
  return bits == 8
    ? scoresOf(8, codes, apart, number, numbersApart, query, unit, sums)
    : scoresOf(4, codes, apart, number, numbersApart, query, unit, sums)
}

// @ts-ignore: decorator
@inline
function scoresOf(width: u32, c0: usize, apart: usize, number: usize, numbersApart: usize, query: usize, unit: f32, sums: usize): v128 {
  const c1 = apart
  const c2 = apart + apart
  const c3 = c2 + apart
  let t0 = f32x4.splat(0)
  let t1 = t0
  let t2 = t0
  let t3 = t0
  const first = number
  for (let g: u32 = 0; g < groups; g++, number += 4) {
    let q0 = v128.load(query)
    let q1 = v128.load(query, 16)
    let q2 = v128.load(query, 32)
    let q3 = v128.load(query, 48)
    let s0 = dot32(width, c0, q0, q1, q2, q3)
    let s1 = dot32(width, c0 + c1, q0, q1, q2, q3)
    let s2 = dot32(width, c0 + c2, q0, q1, q2, q3)
    let s3 = dot32(width, c0 + c3, q0, q1, q2, q3)
    query += 64
    c0 += <usize>width << 2
    if (group > 32) {
      for (let d: u32 = 32; d < group; d += 32, query += 64, c0 += <usize>width << 2) {
        q0 = v128.load(query)
        q1 = v128.load(query, 16)
        q2 = v128.load(query, 32)
        q3 = v128.load(query, 48)
        s0 = i32x4.add(s0, dot32(width, c0, q0, q1, q2, q3))
        s1 = i32x4.add(s1, dot32(width, c0 + c1, q0, q1, q2, q3))
        s2 = i32x4.add(s2, dot32(width, c0 + c2, q0, q1, q2, q3))
        s3 = i32x4.add(s3, dot32(width, c0 + c3, q0, q1, q2, q3))
      }
    }
    const scale = scales + number
    t0 = madd(f32x4.convert_i32x4_s(s0), v128.load32_splat(scale), t0)
    t1 = madd(f32x4.convert_i32x4_s(s1), v128.load32_splat(scale + numbersApart), t1)
    t2 = madd(f32x4.convert_i32x4_s(s2), v128.load32_splat(scale + 2 * numbersApart), t2)
    t3 = madd(f32x4.convert_i32x4_s(s3), v128.load32_splat(scale + 3 * numbersApart), t3)
  }
  const each = f32x4.splat(unit)
  t0 = f32x4.mul(t0, each)
  t1 = f32x4.mul(t1, each)
  t2 = f32x4.mul(t2, each)
  t3 = f32x4.mul(t3, each)
  if (shiftKind == 0) return sumsOf(t0, t1, t2, t3)
  // Lanes are added up in the end: shifts of four groups have a lane each.
  let shift = shifts + first
  let g: u32 = 0
  for (; g + 4 <= groups; g += 4, shift += 16, sums += 16) {
    const sum = v128.load(sums)
    t0 = madd(sum, v128.load(shift), t0)
    t1 = madd(sum, v128.load(shift + numbersApart), t1)
    t2 = madd(sum, v128.load(shift + 2 * numbersApart), t2)
    t3 = madd(sum, v128.load(shift + 3 * numbersApart), t3)
  }
  for (; g < groups; g++, shift += 4, sums += 4) {
    const sum = v128.load32_zero(sums)
    t0 = madd(sum, v128.load32_zero(shift), t0)
    t1 = madd(sum, v128.load32_zero(shift + numbersApart), t1)
    t2 = madd(sum, v128.load32_zero(shift + 2 * numbersApart), t2)
    t3 = madd(sum, v128.load32_zero(shift + 3 * numbersApart), t3)
  }
  return sumsOf(t0, t1, t2, t3)
}

/** Four partial sums of 32 codes times integers. */
// @ts-ignore: decorator
@inline
function dot32(width: u32, codes: usize, q0: v128, q1: v128, q2: v128, q3: v128): v128 {
  if (width == 8) {
    return i32x4.add(
      i32x4.add(
        i32x4.dot_i16x8_s(v128.load8x8_u(codes), q0),
        i32x4.dot_i16x8_s(v128.load8x8_u(codes, 8), q1),
      ),
      i32x4.add(
        i32x4.dot_i16x8_s(v128.load8x8_u(codes, 16), q2),
        i32x4.dot_i16x8_s(v128.load8x8_u(codes, 24), q3),
      ),
    )
  }
  const v = v128.load(codes)
  return i32x4.add(
    i32x4.add(
      i32x4.dot_i16x8_s(nibble(v, 0), q0),
      i32x4.dot_i16x8_s(nibble(v, 1), q1),
    ),
    i32x4.add(
      i32x4.dot_i16x8_s(nibble(v, 2), q2),
      i32x4.dot_i16x8_s(nibble(v, 3), q3),
    ),
  )
}
