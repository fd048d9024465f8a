import { bits, group, groups, headDim, KEYS, nibble, rowBytes, scales, shiftKind, shifts } from './cache-codes'
import { madd } from '../vector'

// Sums of weighted codes as they are, in integers, four keys at a time.

/** 1.5 · 2^23: what is added to it is rounded to an integer, whose low half are the low bits of the sum. */
const TO_INTEGER: f32 = 12582912

/** Columns of values whose sums registers hold. */
const STRIP: u32 = 32

/** Bytes that `addCodes` works with. */
export function directRoom(): usize {
  return <usize>(KEYS * groups + (KEYS / 2 + 10) * groups) << 2
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
  const ab = room + (<usize>(KEYS * groups) << 2) // (step + 3, groups) weights of two keys, then those of two more
  const cd = ab + (<usize>((KEYS / 4 + 4) * groups) << 2)
  const units = cd + (<usize>((KEYS / 4 + 4) * groups) << 2) // (groups) what an integer counts, and (groups) what shifts add
  let g: u32 = 0
  for (; g + 4 <= groups; g += 4) quantizeWeights(true, room, ab, cd, units, weights, count, g)
  for (; g < groups; g++) quantizeWeights(false, room, ab, cd, units, weights, count, g)

  const end = o + (<usize>headDim << 2)
  const groupEnd = <usize>group << 2
  let at: usize = 0
  for (let from = o; o < end; o += STRIP << 2, codes += (STRIP * bits) >> 3) {
    if (o - from == groupEnd) {
      from = o
      at += 4
    }
    if (bits == 8) addStrip(8, o, codes, ab + at, cd + at, units + at, count)
    else addStrip(4, o, codes, ab + at, cd + at, units + at, count)
  }
}

/** Adds weights times 32 columns of codes to `o` (32). */
// @ts-ignore: decorator
@inline
function addStrip(width: u32, o: usize, codes: usize, ab: usize, cd: usize, units: usize, count: u32): void {
  const bytes = rowBytes()
  const numbers = <usize>groups << 2
  let left = count >> 2
  let c1 = bytes
  let step = bytes << 2
  let c2 = c1 + c1
  let c3 = c2 + c1
  let s0 = i32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  let s4 = s0
  let s5 = s0
  let s6 = s0
  let s7 = s0
  // Four keys at a time; then those that are left, each alone.
  for (let pass = 0; pass < 2; pass++) {
    for (; left > 0; left--, codes += step, ab += numbers, cd += numbers) {
      const w = v128.load32_splat(ab)
      const u = v128.load32_splat(cd)
      let a = v128.load(codes)
      let b = v128.load(codes + c1)
      let c = v128.load(codes + c2)
      let d = v128.load(codes + c3)
      // Codes of two keys, side by side in 16 bits.
      let p = lowOf(a, b)
      let q = lowOf(c, d)
      if (width == 8) {
        s0 = i32x4.add(s0, products(lowByte(p), lowByte(q), w, u))
        s1 = i32x4.add(s1, products(i16x8.shr_u(p, 8), i16x8.shr_u(q, 8), w, u))
        p = highOf(a, b)
        q = highOf(c, d)
        s2 = i32x4.add(s2, products(lowByte(p), lowByte(q), w, u))
        s3 = i32x4.add(s3, products(i16x8.shr_u(p, 8), i16x8.shr_u(q, 8), w, u))
        a = v128.load(codes, 16)
        b = v128.load(codes + c1, 16)
        c = v128.load(codes + c2, 16)
        d = v128.load(codes + c3, 16)
        p = lowOf(a, b)
        q = lowOf(c, d)
        s4 = i32x4.add(s4, products(lowByte(p), lowByte(q), w, u))
        s5 = i32x4.add(s5, products(i16x8.shr_u(p, 8), i16x8.shr_u(q, 8), w, u))
        p = highOf(a, b)
        q = highOf(c, d)
        s6 = i32x4.add(s6, products(lowByte(p), lowByte(q), w, u))
        s7 = i32x4.add(s7, products(i16x8.shr_u(p, 8), i16x8.shr_u(q, 8), w, u))
      } else {
        s0 = i32x4.add(s0, products(nibble(p, 0), nibble(q, 0), w, u))
        s1 = i32x4.add(s1, products(nibble(p, 1), nibble(q, 1), w, u))
        s2 = i32x4.add(s2, products(nibble(p, 2), nibble(q, 2), w, u))
        s3 = i32x4.add(s3, products(nibble(p, 3), nibble(q, 3), w, u))
        p = highOf(a, b)
        q = highOf(c, d)
        s4 = i32x4.add(s4, products(nibble(p, 0), nibble(q, 0), w, u))
        s5 = i32x4.add(s5, products(nibble(p, 1), nibble(q, 1), w, u))
        s6 = i32x4.add(s6, products(nibble(p, 2), nibble(q, 2), w, u))
        s7 = i32x4.add(s7, products(nibble(p, 3), nibble(q, 3), w, u))
      }
    }
    step = bytes
    c1 = c2 = c3 = 0
    left = count & 3
  }
  const unit = v128.load32_splat(units)
  const shift = v128.load32_splat(units + numbers)
  if (width == 8) {
    addEight(o, s0, s1, unit, shift)
    addEight(o + 32, s2, s3, unit, shift)
    addEight(o + 64, s4, s5, unit, shift)
    addEight(o + 96, s6, s7, unit, shift)
  } else {
    addSixteen(o, s0, s1, s2, s3, unit, shift)
    addSixteen(o + 64, s4, s5, s6, s7, unit, shift)
  }
}

// @ts-ignore: decorator
@inline
function lowByte(v: v128): v128 {
  return v128.and(v, i16x8.splat(255))
}

/** Codes of four keys times their weights. */
// @ts-ignore: decorator
@inline
function products(ab: v128, cd: v128, w: v128, u: v128): v128 {
  return i32x4.add(i32x4.dot_i16x8_s(ab, w), i32x4.dot_i16x8_s(cd, u))
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

/** Adds the sums of eight columns, the even ones and the odd ones, to `o`. */
// @ts-ignore: decorator
@inline
function addEight(o: usize, even: v128, odd: v128, unit: v128, shift: v128): void {
  addFour(o, i8x16.shuffle(even, odd, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23), unit, shift)
  addFour(o + 16, i8x16.shuffle(even, odd, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31), unit, shift)
}

/** The same of sixteen columns, of which each vector has every fourth. */
// @ts-ignore: decorator
@inline
function addSixteen(o: usize, a: v128, b: v128, c: v128, d: v128, unit: v128, shift: v128): void {
  // First and third columns side by side, then second and fourth: pairs of four bytes become pairs of eight.
  const even = i8x16.shuffle(a, c, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23)
  const odd = i8x16.shuffle(b, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23)
  addEight(o, even, odd, unit, shift)
  const lastEven = i8x16.shuffle(a, c, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)
  const lastOdd = i8x16.shuffle(b, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)
  addEight(o + 32, lastEven, lastOdd, unit, shift)
}

/** Adds the sums of four columns to `o`. */
// @ts-ignore: decorator
@inline
function addFour(o: usize, sums: v128, unit: v128, shift: v128): void {
  v128.store(o, f32x4.add(v128.load(o), madd(unit, f32x4.convert_i32x4_s(sums), shift)))
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
  // Bits of numbers without their sign are ordered as the numbers are, with what is none above all.
  let largest = i32x4.splat(0)
  let sum = f32x4.splat(0)
  for (let j: u32 = 0, at = first; j < count; j++, at += numbers) {
    const weight = v128.load32_splat(weights + (<usize>j << 2))
    const factor = f32x4.mul(weight, loadOneOrFour(four, scales + at))
    storeOneOrFour(four, factors + at, factor)
    largest = i32x4.max_s(largest, f32x4.abs(factor))
    if (shiftKind != 0) sum = f32x4.add(sum, f32x4.mul(weight, loadOneOrFour(four, shifts + at)))
  }
  // Nothing comes of factors that are all tiny, and no number of those that are none.
  const finite = f32x4.lt(largest, f32x4.splat(f32.POSITIVE_INFINITY))
  const inverse = v128.and(f32x4.div(f32x4.splat(32767), largest), f32x4.gt(largest, f32x4.splat(1e-30)))
  const unit = v128.bitselect(f32x4.div(largest, f32x4.splat(32767)), f32x4.splat(f32.NaN), finite)
  storeOneOrFour(four, units + first, unit)
  storeOneOrFour(four, units + numbers + first, sum)

  const step = count >> 2
  let from = factors + first
  ab += first
  cd += first
  for (let j: u32 = 0; j < step; j++, from += numbers << 2, ab += numbers, cd += numbers) {
    const a = integers(loadOneOrFour(four, from), inverse)
    const b = integers(loadOneOrFour(four, from + numbers), inverse)
    const c = integers(loadOneOrFour(four, from + 2 * numbers), inverse)
    const d = integers(loadOneOrFour(four, from + 3 * numbers), inverse)
    storeOneOrFour(four, ab, v128.or(v128.and(a, i32x4.splat(0xffff)), i32x4.shl(b, 16)))
    storeOneOrFour(four, cd, v128.or(v128.and(c, i32x4.splat(0xffff)), i32x4.shl(d, 16)))
  }
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
