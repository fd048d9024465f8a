import { widen } from '../elementwise/widen'

/** Keys at a time. */
export const KEYS: u32 = 256
/** Bytes that are read of what is needed later. */
const FETCHED: usize = 512

const ZERO: i32 = 1
const OFFSET: i32 = 2
const CONSTANT: i32 = 3

/** How keys or values are stored, set before a pass over them; one set for each instance of the module. */
export let bits: u32 = 8
export let headDim: u32 = 0
export let group: u32 = 0
export let groups: u32 = 0
export let shiftKind: i32 = 0
let constant: f32 = 0
/** Float32 numbers of the block at hand: scales (keys, groups), shifts likewise. */
export let scales: usize = 0
export let shifts: usize = 0

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

/** Whether integers do it: whole groups of whole vectors whose sums stay in 32 bits. */
export function inIntegers(): bool {
  return group % 32 == 0 && group <= 256 && headDim % group == 0
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

/**
 * Reads the beginning of what is needed later: there is no other way to have it fetched, and the processor goes on
 * where several lines in a row are read. The sum that it returns has to be stored.
 */
export function fetch(from: usize, bytes: usize): u32 {
  let sum: u32 = 0
  for (const end = from + min(bytes, FETCHED); from < end; from += 64) sum += load<u8>(from)
  return sum
}

/** The same of the numbers of `count` keys from key `first`. */
export function fetchNumbers(scale: usize, shift: usize, type: i32, first: u32, count: u32): u32 {
  const width: usize = type == 0 ? 4 : type <= 2 ? 2 : 1
  const sum = fetch(scale + width * (first * groups), width * (count * groups))
  return shiftKind == OFFSET ? sum + fetch(shift + width * (first * groups), width * (count * groups)) : sum
}

/** Turns the shifts at hand into what is added to code · scale. */
export function centreShifts(count: u32): void {
  if (shiftKind != ZERO && shiftKind != CONSTANT) return
  const end = <usize>(count * groups) << 2
  for (let i: usize = 0; i < end; i += 4) {
    const zero = shiftKind == ZERO ? f32.load(shifts + i) : constant
    f32.store(shifts + i, -zero * f32.load(scales + i))
  }
}

// @ts-ignore: decorator
@inline
export function rowBytes(): usize {
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

/** The codes at place `i` of four in each 16 bits. */
// @ts-ignore: decorator
@inline
export function nibble(v: v128, i: u32): v128 {
  if (i == 0) return v128.and(v, i16x8.splat(15))
  if (i == 3) return i16x8.shr_u(v, 12)
  return v128.and(i16x8.shr_u(v, i << 2), i16x8.splat(15))
}
