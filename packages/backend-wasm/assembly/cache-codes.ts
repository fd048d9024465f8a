import { sumsOf } from './vector'
import { widen } from './widen'

/** Keys at a time. */
export const KEYS: u32 = 256

const ZERO: i32 = 1
const OFFSET: i32 = 2
const CONSTANT: i32 = 3

/** How keys or values are stored, set before a pass over them; one set for each instance of the module. */
let bits: u32 = 8
let headDim: u32 = 0
let group: u32 = 0
let groups: u32 = 0
let shiftKind: i32 = 0
let constant: f32 = 0
/** Float32 numbers of the block at hand: scales (keys, groups), shifts likewise. */
let scales: usize = 0
let shifts: usize = 0

export function setCodes(
  width: u32,
  columns: u32,
  groupSize: u32,
  kind: i32,
  zero: f32,
): void {
  bits = width
  headDim = columns
  group = groupSize >= columns ? columns : groupSize
  groups = columns == 0 ? 0 : (columns + group - 1) / group
  shiftKind = kind
  constant = zero
}

/** Whether integers do it: groups of whole vectors whose sums stay in 32 bits. */
export function inIntegers(): bool {
  return headDim % 32 == 0 && group % 32 == 0 && group <= 256
}

/** Widens the numbers of `count` keys from key `first`, counted over all heads. */
export function loadNumbers(scratch: usize, scale: usize, shift: usize, type: i32, first: u32, count: u32): void {
  scales = scratch
  shifts = scratch + (<usize>(KEYS * groups) << 2)
  widen(scales, scale, first * groups, count * groups, type)
  if (shiftKind == OFFSET) widen(shifts, shift, first * groups, count * groups, type)
  else if (shiftKind == ZERO) {
    for (let i: u32 = 0; i < count * groups; i++) f32.store(shifts + (i << 2), <f32>load<u8>(shift + first * groups + i))
  }
}

// @ts-ignore: decorator
@inline
function rowBytes(): usize {
  return <usize>((headDim * bits + 7) >> 3)
}

/** Rows of codes as floats (count, headDim). */
export function widenCodes(to: usize, codes: usize, count: u32): void {
  const whole = (headDim & 7) == 0 && (group & 7) == 0
  for (let j: u32 = 0; j < count; j++, codes += rowBytes()) {
    for (let g: u32 = 0; g < groups; g++) {
      const scale = f32.load(scales + ((j * groups + g) << 2))
      const shift: f32 = shiftKind == 0 ? 0 : shiftKind == CONSTANT ? constant : f32.load(shifts + ((j * groups + g) << 2))
      const zero: f32 = shiftKind == OFFSET ? 0 : shift
      const offset: f32 = shiftKind == OFFSET ? shift : 0
      const end = min(headDim, (g + 1) * group)
      let d = g * group
      if (whole) {
        for (; d < end; d += 8, to += 32) {
          const eight = bits == 8 ? v128.load8x8_u(codes + d) : nibbles8(codes + (d >> 1))
          v128.store(to, affine4(i32x4.extend_low_i16x8_u(eight), zero, scale, offset))
          v128.store(to, affine4(i32x4.extend_high_i16x8_u(eight), zero, scale, offset), 16)
        }
      }
      for (; d < end; d++, to += 4) {
        const byte = <u32>load<u8>(codes + (bits == 8 ? d : d >> 1))
        const code = bits == 8 ? byte : (byte >> ((d & 1) << 2)) & 15
        f32.store(to, (<f32>code - zero) * scale + offset)
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function affine4(codes: v128, zero: f32, scale: f32, offset: f32): v128 {
  const centred = f32x4.sub(f32x4.convert_i32x4_s(codes), f32x4.splat(zero))
  return f32x4.add(f32x4.mul(centred, f32x4.splat(scale)), f32x4.splat(offset))
}

/** Eight codes from four bytes. */
// @ts-ignore: decorator
@inline
function nibbles8(from: usize): v128 {
  const bytes = i16x8.extend_low_i8x16_u(v128.load32_zero(from))
  const spread = i8x16.shuffle(bytes, bytes, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7)
  const low = v128.and(spread, i16x8.splat(15))
  const high = i16x8.shr_u(spread, 4)
  return v128.bitselect(low, high, i32x4.splat(0xffff))
}

/**
 * A query as 16-bit integers in the order of the codes' lanes.
 *
 * @param to  integers (headDim), then from `unitsAt` on a unit (float32) and a sum (int32) for each group
 */
export function quantizeQuery(to: usize, units: usize, query: usize): void {
  for (let g: u32 = 0; g < groups; g++, to += <usize>group << 1, query += <usize>group << 2) {
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
    f32.store(units + (g << 3), finite ? (inverse == 0 ? 0 : largest / 32767) : f32.NaN)
    i32.store(units + (g << 3), sum, 4)
  }
}

/** Scores (count) of a quantised query; `factors` is room for (KEYS, groups) and (KEYS) floats. */
export function codeScores(to: usize, codes: usize, query: usize, units: usize, count: u32, factors: usize): void {
  const bases = factors + (<usize>(KEYS * groups) << 2)
  for (let j: u32 = 0; j < count; j++) {
    let base: f32 = 0
    for (let g: u32 = 0; g < groups; g++) {
      const at = (j * groups + g) << 2
      const unit = f32.load(units + (g << 3))
      const sum = <f32>i32.load(units + (g << 3), 4)
      const factor = f32.load(scales + at) * unit
      f32.store(factors + at, factor)
      if (shiftKind == CONSTANT) base -= factor * sum * constant
      else if (shiftKind == ZERO) base -= factor * sum * f32.load(shifts + at)
      else if (shiftKind == OFFSET) base += unit * sum * f32.load(shifts + at)
    }
    f32.store(bases + (j << 2), base)
  }
  const step = rowBytes()
  const factorStep = <usize>groups << 2
  let j: u32 = 0
  for (; j < count; j += 4) {
    // Keys past the last repeat it; there is room for their scores.
    const last = count - 1 - j
    const a = codeDot(codes, query, factors)
    const b = codeDot(codes + step * min(1, last), query, factors + factorStep * min(1, last))
    const c = codeDot(codes + step * min(2, last), query, factors + factorStep * min(2, last))
    const d = codeDot(codes + step * min(3, last), query, factors + factorStep * min(3, last))
    v128.store(to + (j << 2), f32x4.add(sumsOf(a, b, c, d), v128.load(bases + (j << 2))))
    codes += step << 2
    factors += factorStep << 2
  }
}

/** Four partial sums of a key's codes times the query. */
function codeDot(codes: usize, query: usize, factors: usize): v128 {
  let total = f32x4.splat(0)
  const mask = i16x8.splat(15)
  for (let g: u32 = 0; g < groups; g++, factors += 4) {
    let sum = i32x4.splat(0)
    for (let d: u32 = 0; d < group; d += 32, query += 64) {
      if (bits == 8) {
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_u(codes), v128.load(query)))
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_u(codes, 8), v128.load(query, 16)))
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_u(codes, 16), v128.load(query, 32)))
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_u(codes, 24), v128.load(query, 48)))
        codes += 32
      } else {
        const v = v128.load(codes)
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(v, mask), v128.load(query)))
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(v, 4), mask), v128.load(query, 16)))
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(v, 8), mask), v128.load(query, 32)))
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_u(v, 12), v128.load(query, 48)))
        codes += 16
      }
    }
    total = f32x4.add(total, f32x4.mul(f32x4.convert_i32x4_s(sum), v128.load32_splat(factors)))
  }
  return total
}

/** Adds weights (count) times rows of codes to `o` (headDim); `factors` is room for (KEYS, groups) floats. */
export function addCodes(o: usize, codes: usize, weights: usize, count: u32, factors: usize): void {
  for (let j: u32 = 0; j < count; j++) {
    const weight = f32.load(weights + (j << 2))
    for (let g: u32 = 0; g < groups; g++) {
      const at = (j * groups + g) << 2
      f32.store(factors + at, weight * f32.load(scales + at))
    }
  }
  const step = rowBytes()
  const factorStep = <usize>groups << 2
  for (let g: u32 = 0; g < groups; g++, factors += 4) {
    let shift: f32 = 0
    for (let j: u32 = 0; j < count; j++) {
      const factor = f32.load(factors + factorStep * j)
      const at = (j * groups + g) << 2
      if (shiftKind == CONSTANT) shift -= factor * constant
      else if (shiftKind == ZERO) shift -= factor * f32.load(shifts + at)
      else if (shiftKind == OFFSET) shift += f32.load(weights + (j << 2)) * f32.load(shifts + at)
    }
    for (let d: u32 = 0; d < group; d += 32, o += 128, codes += <usize>bits << 2) {
      if (bits == 8) addBytes32(o, codes, step, factors, factorStep, count, shift)
      else addNibbles32(o, codes, step, factors, factorStep, count, shift)
    }
  }
}

// @ts-ignore: decorator
@inline
function addShifted(o: usize, sum: v128, shift: v128): void {
  v128.store(o, f32x4.add(v128.load(o), f32x4.add(sum, shift)))
}

// @ts-ignore: decorator
@inline
function addLow(sum: v128, eight: v128, factor: v128): v128 {
  return f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(eight)), factor))
}

// @ts-ignore: decorator
@inline
function addHigh(sum: v128, eight: v128, factor: v128): v128 {
  return f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(eight)), factor))
}

function addBytes32(o: usize, codes: usize, step: usize, factors: usize, factorStep: usize, count: u32, shift: f32): void {
  let a = f32x4.splat(0)
  let b = a
  let c = a
  let d = a
  let e = a
  let f = a
  let g = a
  let h = a
  for (; count > 0; count--, codes += step, factors += factorStep) {
    const factor = v128.load32_splat(factors)
    let eight = v128.load8x8_u(codes)
    a = addLow(a, eight, factor)
    b = addHigh(b, eight, factor)
    eight = v128.load8x8_u(codes, 8)
    c = addLow(c, eight, factor)
    d = addHigh(d, eight, factor)
    if (codes == 0) break
    eight = v128.load8x8_u(codes, 16)
    e = addLow(e, eight, factor)
    f = addHigh(f, eight, factor)
    eight = v128.load8x8_u(codes, 24)
    g = addLow(g, eight, factor)
    h = addHigh(h, eight, factor)
  }
  const shifted = f32x4.splat(shift)
  addShifted(o, a, shifted)
  addShifted(o + 16, b, shifted)
  addShifted(o + 32, c, shifted)
  addShifted(o + 48, d, shifted)
  addShifted(o + 64, e, shifted)
  addShifted(o + 80, f, shifted)
  addShifted(o + 96, g, shifted)
  addShifted(o + 112, h, shifted)
}

function addNibbles32(o: usize, codes: usize, step: usize, factors: usize, factorStep: usize, count: u32, shift: f32): void {
  let a = f32x4.splat(0)
  let b = a
  let c = a
  let d = a
  let e = a
  let f = a
  let g = a
  let h = a
  const mask = i8x16.splat(15)
  for (; count > 0; count--, codes += step, factors += factorStep) {
    const factor = v128.load32_splat(factors)
    const v = v128.load(codes)
    // Codes of even columns, then of odd ones, as bytes; columns are put in order at the end.
    const even = v128.and(v, mask)
    let eight = i16x8.extend_low_i8x16_u(even)
    a = addLow(a, eight, factor)
    b = addHigh(b, eight, factor)
    eight = i16x8.extend_high_i8x16_u(even)
    c = addLow(c, eight, factor)
    d = addHigh(d, eight, factor)
    if (codes == 0) break
    const odd = i8x16.shr_u(v, 4)
    eight = i16x8.extend_low_i8x16_u(odd)
    e = addLow(e, eight, factor)
    f = addHigh(f, eight, factor)
    eight = i16x8.extend_high_i8x16_u(odd)
    g = addLow(g, eight, factor)
    h = addHigh(h, eight, factor)
  }
  const shifted = f32x4.splat(shift)
  addInTurn(o, a, e, shifted)
  addInTurn(o + 32, b, f, shifted)
  addInTurn(o + 64, c, g, shifted)
  addInTurn(o + 96, d, h, shifted)
}

// @ts-ignore: decorator
@inline
function addInTurn(o: usize, even: v128, odd: v128, shift: v128): void {
  addShifted(o, i8x16.shuffle(even, odd, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23), shift)
  addShifted(o + 16, i8x16.shuffle(even, odd, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31), shift)
}
