import { bits, group, groups, headDim, KEYS, rowBytes, scales, shiftKind, shifts } from './cache-codes'
import { madd, sumsOf } from './vector'

// Few queries over codes as they are, in integers. Four places of a block are read together, as in `cache-floats.ts`.

/** 1.5 · 2^23: what is added to it is rounded to an integer, whose low half are the low bits of the sum. */
const TO_INTEGER: f32 = 12582912

/** Bytes that `addCodes` works with. */
export function directRoom(): usize {
  return (<usize>(KEYS * groups + (KEYS / 2 + 10) * groups + headDim)) << 2
}

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
  const step = count >> 2
  const bytes = rowBytes()
  const numbers = <usize>groups << 2
  let j: u32 = 0
  for (; j < step; j++, scores += 4, codes += bytes) {
    const four = fourScores(codes, bytes * step, numbers * j, numbers * step, query, units)
    v128.store32_lane(scores, four, 0)
    v128.store32_lane(scores + (<usize>step << 2), four, 1)
    v128.store32_lane(scores + (<usize>step << 3), four, 2)
    v128.store32_lane(scores + 3 * (<usize>step << 2), four, 3)
  }
  scores += 3 * (<usize>step << 2)
  codes += 3 * bytes * step
  for (j = step << 2; j < count; j++, scores += 4, codes += bytes) {
    v128.store32_lane(scores, fourScores(codes, 0, numbers * j, 0, query, units), 0)
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
    let s0 = i32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    for (let d: u32 = 0; d < group; d += 32, query += 64, c0 += <usize>width << 2) {
      s0 = i32x4.add(s0, dot32(width, c0, query))
      s1 = i32x4.add(s1, dot32(width, c0 + c1, query))
      s2 = i32x4.add(s2, dot32(width, c0 + c2, query))
      s3 = i32x4.add(s3, dot32(width, c0 + c3, query))
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

// @ts-ignore: decorator
@inline
function nibble(v: v128, i: u32): v128 {
  if (i == 0) return v128.and(v, i16x8.splat(15))
  if (i == 3) return i16x8.shr_u(v, 12)
  return v128.and(i16x8.shr_u(v, i << 2), i16x8.splat(15))
}

/**
 * Adds weights (count) times rows of codes to `o` (headDim).
 *
 * Weights times scales become 16-bit integers, in units of the largest of each group in the block, so
 * that a multiplication takes the codes of two keys and needs no conversion; 256 keys of 8 bits just fit
 * 32 bits.
 *
 * @param room  {@link directRoom} bytes
 */
export function addCodes(o: usize, codes: usize, weights: usize, count: u32, room: usize): void {
  const step = count >> 2
  const sums = room + (<usize>(KEYS * groups) << 2) // (headDim) integers, in the order of the codes' lanes
  const ab = sums + (<usize>headDim << 2) // (step + 3, groups) weights of two keys, then those of two more
  const cd = ab + (<usize>((KEYS / 4 + 4) * groups) << 2)
  const units = cd + (<usize>((KEYS / 4 + 4) * groups) << 2) // (groups) what an integer counts, and (groups) what shifts add
  memory.fill(sums, 0, <usize>headDim << 2)
  let g: u32 = 0
  for (; g + 4 <= groups; g += 4) quantizeWeights(true, room, ab, cd, units, weights, count, g)
  for (; g < groups; g++) quantizeWeights(false, room, ab, cd, units, weights, count, g)

  const bytes = rowBytes()
  const numbers = <usize>groups << 2
  for (let j: u32 = 0; j < step; j++, codes += bytes) addFour(sums, codes, bytes * step, ab + numbers * j, cd + numbers * j)
  codes += 3 * bytes * step
  for (let j = step; j < step + (count & 3); j++, codes += bytes) addFour(sums, codes, 0, ab + numbers * j, cd + numbers * j)

  for (g = 0; g < groups; g++) {
    const at = units + (<usize>g << 2)
    const unit = f32.load(at)
    const shift = f32.load(at + numbers)
    for (let d = g * group; d < (g + 1) * group; d++) {
      // Of 8 bits even columns of eight come first; of 4 bits those of 16 in fours.
      const lane = bits == 8 ? (d & ~7) + ((d & 1) << 2) + ((d & 7) >> 1) : (d & ~15) + ((d & 3) << 2) + ((d & 15) >> 2)
      const to = o + (<usize>d << 2)
      f32.store(to, f32.load(to) + (unit * <f32>i32.load(sums + (lane << 2)) + shift))
    }
  }
}

// @ts-ignore: decorator
@inline
function loadOneOrFour(four: bool, from: usize): v128 {
  return four ? v128.load(from) : v128.load32_zero(from)
}

// @ts-ignore: decorator
@inline
function storeOneOrFour(four: bool, to: usize, v: v128): void {
  if (four) v128.store(to, v)
  else v128.store32_lane(to, v, 0)
}

/** Weights of one group or four as integers. */
// @ts-ignore: decorator
@inline
function quantizeWeights(four: bool, factors: usize, ab: usize, cd: usize, units: usize, weights: usize, count: u32, g: u32): void {
  const numbers = <usize>groups << 2
  const first = <usize>g << 2
  let largest = f32x4.splat(0)
  let sum = largest
  for (let j: u32 = 0, at = first; j < count; j++, at += numbers) {
    const weight = v128.load32_splat(weights + (<usize>j << 2))
    const factor = f32x4.mul(weight, loadOneOrFour(four, scales + at))
    storeOneOrFour(four, factors + at, factor)
    largest = f32x4.max(largest, f32x4.abs(factor))
    if (shiftKind != 0) sum = f32x4.add(sum, f32x4.mul(weight, loadOneOrFour(four, shifts + at)))
  }
  // Nothing comes of factors that are all tiny, and no number of those that are none.
  const finite = f32x4.lt(largest, f32x4.splat(f32.POSITIVE_INFINITY))
  const inverse = v128.and(f32x4.div(f32x4.splat(32767), largest), f32x4.gt(largest, f32x4.splat(1e-30)))
  const unit = v128.bitselect(f32x4.div(largest, f32x4.splat(32767)), f32x4.splat(f32.NaN), finite)
  storeOneOrFour(four, units + first, unit)
  storeOneOrFour(four, units + numbers + first, sum)

  const step = count >> 2
  const apart = numbers * step
  let from = factors + first
  ab += first
  cd += first
  for (let j: u32 = 0; j < step; j++, from += numbers, ab += numbers, cd += numbers) {
    const a = integers(loadOneOrFour(four, from), inverse)
    const b = integers(loadOneOrFour(four, from + apart), inverse)
    const c = integers(loadOneOrFour(four, from + 2 * apart), inverse)
    const d = integers(loadOneOrFour(four, from + 3 * apart), inverse)
    storeOneOrFour(four, ab, v128.or(v128.and(a, i32x4.splat(0xffff)), i32x4.shl(b, 16)))
    storeOneOrFour(four, cd, v128.or(v128.and(c, i32x4.splat(0xffff)), i32x4.shl(d, 16)))
  }
  from += 3 * apart
  // Keys that are left, each alone.
  for (let j = step << 2; j < count; j++, from += numbers, ab += numbers, cd += numbers) {
    storeOneOrFour(four, ab, v128.and(integers(loadOneOrFour(four, from), inverse), i32x4.splat(0xffff)))
    storeOneOrFour(four, cd, i32x4.splat(0))
  }
}

/** Factors in units, in the low half of each lane. */
// @ts-ignore: decorator
@inline
function integers(factors: v128, inverse: v128): v128 {
  return f32x4.add(f32x4.mul(factors, inverse), f32x4.splat(TO_INTEGER))
}

/** Adds codes of four keys, `apart` bytes from one to the next, times their weights. */
function addFour(sums: usize, codes: usize, apart: usize, ab: usize, cd: usize): void {
  if (bits == 8) addFourOf(8, sums, codes, apart, ab, cd)
  else addFourOf(4, sums, codes, apart, ab, cd)
}

// @ts-ignore: decorator
@inline
function addFourOf(width: u32, sums: usize, codes: usize, apart: usize, ab: usize, cd: usize): void {
  const c1 = apart
  const c2 = apart + apart
  const c3 = c2 + apart
  for (let g: u32 = 0; g < groups; g++, ab += 4, cd += 4) {
    const w = v128.load32_splat(ab)
    const u = v128.load32_splat(cd)
    const end = codes + <usize>((group * width) >> 3)
    // Vectors of 16 bytes, of which those of two keys are interleaved in 16 bits.
    for (; codes < end; codes += 16) {
      const a = v128.load(codes)
      const b = v128.load(codes + c1)
      const c = v128.load(codes + c2)
      const d = v128.load(codes + c3)
      sums = addLanes(width, sums, lowOf(a, b), lowOf(c, d), w, u)
      sums = addLanes(width, sums, highOf(a, b), highOf(c, d), w, u)
    }
  }
}

// @ts-ignore: decorator
@inline
function lowOf(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23)
}

// @ts-ignore: decorator
@inline
function highOf(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31)
}

// @ts-ignore: decorator
@inline
function addLanes(width: u32, sums: usize, ab: v128, cd: v128, w: v128, u: v128): usize {
  if (width == 8) {
    const mask = i16x8.splat(255)
    addPairs(sums, v128.and(ab, mask), v128.and(cd, mask), w, u)
    addPairs(sums + 16, i16x8.shr_u(ab, 8), i16x8.shr_u(cd, 8), w, u)
    return sums + 32
  }
  addPairs(sums, nibble(ab, 0), nibble(cd, 0), w, u)
  addPairs(sums + 16, nibble(ab, 1), nibble(cd, 1), w, u)
  addPairs(sums + 32, nibble(ab, 2), nibble(cd, 2), w, u)
  addPairs(sums + 48, nibble(ab, 3), nibble(cd, 3), w, u)
  return sums + 64
}

// @ts-ignore: decorator
@inline
function addPairs(sums: usize, ab: v128, cd: v128, w: v128, u: v128): void {
  const both = i32x4.add(i32x4.dot_i16x8_s(ab, w), i32x4.dot_i16x8_s(cd, u))
  v128.store(sums, i32x4.add(v128.load(sums), both))
}
