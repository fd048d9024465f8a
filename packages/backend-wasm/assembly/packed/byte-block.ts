import { addBlockSums } from './block-sums'
import { nibblesOf } from './layout'

/** Vectors that `addByteBlock` needs, in memory, or V8 would make each constant anew at each use. */
export function prepareByteBlocks(constants: usize): void {
  v128.store(constants, i8x16.splat(15))
  v128.store(constants, i16x8.splat(1), 16)
  v128.store(constants, i16x8.splat(256), 32)
}

/**
 * A block of eight rows and 32 columns of nibbles times bytes of activations.
 *
 * Codes have 4 bits and products of two columns 12, so every engine has the same relaxed dot products; all 32
 * columns add up to 8 · 2 · 15 · 128 a lane, which 16 bits hold.
 *
 * @param q  activations as `quantizeBlocks` leaves them, bytes or, with `split`, upper and lower ones
 */
// @ts-ignore: decorator
@inline
export function addByteBlock(
  bits: u32,
  split: bool,
  sums: usize,
  header: usize,
  p: usize,
  q: usize,
  shiftKind: i32,
  constants: usize,
): void {
  const mask = v128.load(constants)
  let upper0 = i16x8.splat(0)
  let upper1 = upper0
  let lower0 = upper0
  let lower1 = upper0
  // Tests that never hold keep the steps apart: V8 would pull all loads to the front and run out of registers.
  do {
    {
      const v0 = nibblesOf(bits, p, 0, 0)
      const v1 = nibblesOf(bits, p, 0, 1)
      const a = v128.load32_splat(q)
      const b = v128.load32_splat(q, 4)
      upper0 = dots(a, b, v0, mask)
      upper1 = dots(a, b, v1, mask)
      if (split) {
        const c = v128.load32_splat(q, 8)
        const d = v128.load32_splat(q, 12)
        lower0 = dots(c, d, v0, mask)
        lower1 = dots(c, d, v1, mask)
      }
      q += split ? 16 : 8
    }
    if (p == 0) break
    {
      const v0 = nibblesOf(bits, p, 1, 0)
      const v1 = nibblesOf(bits, p, 1, 1)
      const a = v128.load32_splat(q)
      const b = v128.load32_splat(q, 4)
      upper0 = addDots(upper0, a, b, v0, mask)
      upper1 = addDots(upper1, a, b, v1, mask)
      if (split) {
        const c = v128.load32_splat(q, 8)
        const d = v128.load32_splat(q, 12)
        lower0 = addDots(lower0, c, d, v0, mask)
        lower1 = addDots(lower1, c, d, v1, mask)
      }
      q += split ? 16 : 8
    }
    if (q == 0) break
    {
      const v0 = nibblesOf(bits, p, 2, 0)
      const v1 = nibblesOf(bits, p, 2, 1)
      const a = v128.load32_splat(q)
      const b = v128.load32_splat(q, 4)
      upper0 = addDots(upper0, a, b, v0, mask)
      upper1 = addDots(upper1, a, b, v1, mask)
      if (split) {
        const c = v128.load32_splat(q, 8)
        const d = v128.load32_splat(q, 12)
        lower0 = addDots(lower0, c, d, v0, mask)
        lower1 = addDots(lower1, c, d, v1, mask)
      }
      q += split ? 16 : 8
    }
    if (header == 0) break
    {
      const v0 = nibblesOf(bits, p, 3, 0)
      const v1 = nibblesOf(bits, p, 3, 1)
      const a = v128.load32_splat(q)
      const b = v128.load32_splat(q, 4)
      upper0 = addDots(upper0, a, b, v0, mask)
      upper1 = addDots(upper1, a, b, v1, mask)
      if (split) {
        const c = v128.load32_splat(q, 8)
        const d = v128.load32_splat(q, 12)
        lower0 = addDots(lower0, c, d, v0, mask)
        lower1 = addDots(lower1, c, d, v1, mask)
      }
      q += split ? 16 : 8
    }
  } while (false)
  const ones = v128.load(constants, 16)
  const weights = split ? v128.load(constants, 32) : ones
  let s0 = i32x4.dot_i16x8_s(upper0, weights)
  let s1 = i32x4.dot_i16x8_s(upper1, weights)
  if (split) {
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(lower0, ones))
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(lower1, ones))
  }
  addBlockSums(sums, header, s0, s1, q, shiftKind)
}

/** Products of nibbles: `a` is for the lower ones and `b` for the upper. */
// @ts-ignore: decorator
@inline
function dots(a: v128, b: v128, nibbles: v128, mask: v128): v128 {
  return i16x8.add(
    i16x8.relaxed_dot_i8x16_i7x16_s(a, v128.and(nibbles, mask)),
    i16x8.relaxed_dot_i8x16_i7x16_s(b, v128.and(i16x8.shr_u(nibbles, 4), mask)),
  )
}

// @ts-ignore: decorator
@inline
function addDots(sum: v128, a: v128, b: v128, nibbles: v128, mask: v128): v128 {
  sum = i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(a, v128.and(nibbles, mask)))
  return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(b, v128.and(i16x8.shr_u(nibbles, 4), mask)))
}
