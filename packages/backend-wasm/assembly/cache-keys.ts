import { bits, group, groups, headDim, nibble, rowBytes, scales, shiftKind, shifts } from './cache-codes'
import { madd, sumsOf } from './vector'

// Scores of a query over codes as they are, in integers, four keys at a time.

/**
 * A query as 16-bit integers in the order of the codes' lanes.
 *
 * @param to  integers (headDim)
 * @param units  (groups) what an integer counts, and (groups) the sum of what they count
 */
export function quantizeQuery(to: usize, units: usize, query: usize): void {
  for (let g: u32 = 0; g < groups; g++, to += <usize>group << 1, query += <usize>group << 2, units += 4) {
    let largest: f32 = 0
    for (let d: u32 = 0; d < group; d++) largest = max(largest, abs(f32.load(query + (d << 2))))
    const finite = largest < f32.POSITIVE_INFINITY
    const inverse: f32 = finite && largest > 1e-30 ? 32767 / largest : 0
    let sum = 0
    for (let d: u32 = 0; d < group; d++) {
      const value = <i32>nearest(f32.load(query + (d << 2)) * inverse)
      sum += value
      // Nibble c of lane l is code 4l + c: four vectors for each 32 columns.
      const at = bits == 8 ? d : (d & ~31) + ((d & 3) << 3) + ((d & 31) >> 2)
      store<i16>(to + (at << 1), value)
    }
    const unit: f32 = finite ? (inverse == 0 ? 0 : largest / 32767) : f32.NaN
    f32.store(units, unit)
    f32.store(units + (<usize>groups << 2), unit * <f32>sum)
  }
}

/** Scores (count) of a quantised query. */
export function codeScores(scores: usize, codes: usize, query: usize, units: usize, count: u32): void {
  const bytes = rowBytes()
  const numbers = <usize>groups << 2
  let number: usize = 0
  for (; count >= 4; count -= 4, scores += 16, codes += bytes << 2, number += numbers << 2) {
    v128.store(scores, fourScores(codes, bytes, number, numbers, query, units))
  }
  for (; count > 0; count--, scores += 4, codes += bytes, number += numbers) {
    v128.store32_lane(scores, fourScores(codes, 0, number, 0, query, units), 0)
  }
}

/** Scores of four keys whose codes and numbers lie so many bytes apart. */
function fourScores(codes: usize, apart: usize, number: usize, numbersApart: usize, query: usize, units: usize): v128 {
  return bits == 8
    ? scoresOf(8, codes, apart, number, numbersApart, query, units)
    : scoresOf(4, codes, apart, number, numbersApart, query, units)
}

// @ts-ignore: decorator
@inline
function scoresOf(width: u32, c0: usize, apart: usize, number: usize, numbersApart: usize, query: usize, units: usize): v128 {
  const c1 = apart
  const c2 = apart + apart
  const c3 = c2 + apart
  let t0 = f32x4.splat(0)
  let t1 = t0
  let t2 = t0
  let t3 = t0
  const first = number
  let sums = units + (<usize>groups << 2)
  for (let g: u32 = 0; g < groups; g++, number += 4, units += 4) {
    let s0 = dot32(width, c0, query)
    let s1 = dot32(width, c0 + c1, query)
    let s2 = dot32(width, c0 + c2, query)
    let s3 = dot32(width, c0 + c3, query)
    query += 64
    c0 += <usize>width << 2
    if (group > 32) {
      for (let d: u32 = 32; d < group; d += 32, query += 64, c0 += <usize>width << 2) {
        s0 = i32x4.add(s0, dot32(width, c0, query))
        s1 = i32x4.add(s1, dot32(width, c0 + c1, query))
        s2 = i32x4.add(s2, dot32(width, c0 + c2, query))
        s3 = i32x4.add(s3, dot32(width, c0 + c3, query))
      }
    }
    const unit = v128.load32_splat(units)
    const scale = scales + number
    t0 = madd(f32x4.mul(f32x4.convert_i32x4_s(s0), unit), v128.load32_splat(scale), t0)
    t1 = madd(f32x4.mul(f32x4.convert_i32x4_s(s1), unit), v128.load32_splat(scale + numbersApart), t1)
    t2 = madd(f32x4.mul(f32x4.convert_i32x4_s(s2), unit), v128.load32_splat(scale + 2 * numbersApart), t2)
    t3 = madd(f32x4.mul(f32x4.convert_i32x4_s(s3), unit), v128.load32_splat(scale + 3 * numbersApart), t3)
  }
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
function dot32(width: u32, codes: usize, query: usize): v128 {
  if (width == 8) {
    return i32x4.add(
      i32x4.add(
        i32x4.dot_i16x8_s(v128.load8x8_u(codes), v128.load(query)),
        i32x4.dot_i16x8_s(v128.load8x8_u(codes, 8), v128.load(query, 16)),
      ),
      i32x4.add(
        i32x4.dot_i16x8_s(v128.load8x8_u(codes, 16), v128.load(query, 32)),
        i32x4.dot_i16x8_s(v128.load8x8_u(codes, 24), v128.load(query, 48)),
      ),
    )
  }
  const v = v128.load(codes)
  return i32x4.add(
    i32x4.add(
      i32x4.dot_i16x8_s(nibble(v, 0), v128.load(query)),
      i32x4.dot_i16x8_s(nibble(v, 1), v128.load(query, 16)),
    ),
    i32x4.add(
      i32x4.dot_i16x8_s(nibble(v, 2), v128.load(query, 32)),
      i32x4.dot_i16x8_s(nibble(v, 3), v128.load(query, 48)),
    ),
  )
}
