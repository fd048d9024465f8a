import { scratchOf } from '../scratch'
import { steppedShareOf } from '../share'
import { widen } from './widen'

/** Elements at a time, widened to float32 in between. */
const CHUNK: u32 = 512

/**
 * Float32 to the bits of a narrow float, nearest, ties to even, in the low half of each lane.
 *
 * @param mantissa  bits of it
 * @param bias  of the exponent
 * @param most  the bits that larger numbers become
 * @param nan  the one NaN that is written
 */
// @ts-ignore: decorator
@inline
function narrow4(x: v128, mantissa: i32, bias: i32, most: i32, nan: i32, sign: i32): v128 {
  const size = v128.and(x, i32x4.splat(0x7fffffff))
  const shift = 23 - mantissa
  // Half a unit less one, plus the last bit kept, carries exactly where rounding goes up.
  const last = v128.and(i32x4.shr_u(size, shift), i32x4.splat(1))
  const rounded = i32x4.add(i32x4.add(size, i32x4.splat((1 << (shift - 1)) - 1)), last)
  let bits = i32x4.sub(i32x4.shr_u(rounded, shift), i32x4.splat((127 - bias) << mantissa))
  if (bias != 127) {
    // Below the normal numbers, adding this makes the hardware round to the unit of subnormals.
    const magic = i32x4.splat((127 + 1 - bias - mantissa + 23) << 23)
    const small = i32x4.sub(f32x4.add(size, magic), magic)
    bits = v128.bitselect(small, bits, i32x4.lt_s(size, i32x4.splat((128 - bias) << 23)))
  }
  bits = i32x4.min_u(bits, i32x4.splat(most))
  bits = v128.or(bits, v128.and(i32x4.shr_u(x, 31 - sign), i32x4.splat(1 << sign)))
  return v128.bitselect(i32x4.splat(nan), bits, f32x4.ne(x, x))
}

/** Writes up to 3 elements past the last. */
function narrow(to: usize, from: usize, count: u32, type: i32): void {
  const end = from + (<usize>count << 2)
  if (type == 1) {
    for (; from < end; from += 16, to += 8) half(to, narrow4(v128.load(from), 10, 15, 0x7c00, 0x7e00, 15))
  } else if (type == 2) {
    for (; from < end; from += 16, to += 8) half(to, narrow4(v128.load(from), 7, 127, 0x7f80, 0x7fc0, 15))
  } else if (type == 3) {
    for (; from < end; from += 16, to += 4) quarter(to, narrow4(v128.load(from), 3, 7, 0x7e, 0x7f, 7))
  } else {
    for (; from < end; from += 16, to += 4) quarter(to, narrow4(v128.load(from), 2, 15, 0x7b, 0x7e, 7))
  }
}

// @ts-ignore: decorator
@inline
function half(to: usize, bits: v128): void {
  v128.store64_lane(to, i16x8.narrow_i32x4_u(bits, bits), 0)
}

// @ts-ignore: decorator
@inline
function quarter(to: usize, bits: v128): void {
  const words = i16x8.narrow_i32x4_u(bits, bits)
  v128.store32_lane(to, i8x16.narrow_i16x8_u(words, words), 0)
}

// @ts-ignore: decorator
@inline
function widthOf(type: i32): u32 {
  return type == 0 ? 4 : type < 3 ? 2 : 1
}

export function convert(y: usize, x: usize, size: u32, from: i32, to: i32, part: u32, parts: u32): void {
  const wide = scratchOf(part)
  const staged = wide + (CHUNK << 2) + 64
  const end = steppedShareOf(size, CHUNK, part + 1, parts)
  const width = widthOf(to)
  for (let at = steppedShareOf(size, CHUNK, part, parts); at < end; at += CHUNK) {
    const count = min(CHUNK, end - at)
    const target = y + <usize>at * width
    if (from == to) {
      memory.copy(target, x + <usize>at * width, <usize>count * width)
    } else if (to == 0) {
      // Whole vectors go straight there; the last few would write past the end.
      const whole = count & ~7
      widen(target, x, at, whole, from)
      widen(staged, x, at + whole, count - whole, from)
      memory.copy(target + (<usize>whole << 2), staged, <usize>(count - whole) << 2)
    } else {
      let source = x + (<usize>at << 2)
      if (from != 0) {
        widen(wide, x, at, count, from)
        source = wide
      }
      const whole = count & ~3
      narrow(target, source, whole, to)
      narrow(staged, source + (<usize>whole << 2), count - whole, to)
      memory.copy(target + <usize>whole * width, staged, <usize>(count - whole) * width)
    }
  }
}
