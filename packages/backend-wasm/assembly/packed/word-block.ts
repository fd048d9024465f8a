import { addBlockSums } from './block-sums'

/** The mask that `addWordBlock` needs, in memory as those of bytes. */
export function prepareWordBlocks(constants: usize, bits: u32): void {
  const kept: i32 = bits > 4 ? 255 : bits == 4 ? 15 : bits == 1 ? 1 : 3
  v128.store(constants, i16x8.splat(<i16>kept))
}

/**
 * A block of eight rows and 32 columns of codes times activations of 16 bits.
 *
 * @param q  pairs of activations as `quantizeBlocks` leaves them
 */
// @ts-ignore: decorator
@inline
export function addWordBlock(
  bits: u32,
  sums: usize,
  header: usize,
  p: usize,
  q: usize,
  shiftKind: i32,
  constants: usize,
): void {
  const mask = v128.load(constants)
  let s0 = i32x4.splat(0)
  let s1 = s0
  // The tests keep steps apart, as those of bytes.
  do {
    {
      const x0 = v128.load32_splat(q)
      const x1 = v128.load32_splat(q, 4)
      const x2 = v128.load32_splat(q, 8)
      const x3 = v128.load32_splat(q, 12)
      s0 = codeDots(bits, p, 0, 0, x0, x1, x2, x3, mask, s0)
      s1 = codeDots(bits, p, 0, 1, x0, x1, x2, x3, mask, s1)
      q += 16
    }
    if (p == 0) break
    {
      const x0 = v128.load32_splat(q)
      const x1 = v128.load32_splat(q, 4)
      const x2 = v128.load32_splat(q, 8)
      const x3 = v128.load32_splat(q, 12)
      s0 = codeDots(bits, p, 1, 0, x0, x1, x2, x3, mask, s0)
      s1 = codeDots(bits, p, 1, 1, x0, x1, x2, x3, mask, s1)
      q += 16
    }
    if (q == 0) break
    {
      const x0 = v128.load32_splat(q)
      const x1 = v128.load32_splat(q, 4)
      const x2 = v128.load32_splat(q, 8)
      const x3 = v128.load32_splat(q, 12)
      s0 = codeDots(bits, p, 2, 0, x0, x1, x2, x3, mask, s0)
      s1 = codeDots(bits, p, 2, 1, x0, x1, x2, x3, mask, s1)
      q += 16
    }
    if (header == 0) break
    {
      const x0 = v128.load32_splat(q)
      const x1 = v128.load32_splat(q, 4)
      const x2 = v128.load32_splat(q, 8)
      const x3 = v128.load32_splat(q, 12)
      s0 = codeDots(bits, p, 3, 0, x0, x1, x2, x3, mask, s0)
      s1 = codeDots(bits, p, 3, 1, x0, x1, x2, x3, mask, s1)
      q += 16
    }
  } while (false)
  addBlockSums(sums, header, s0, s1, q, shiftKind)
}

/**
 * Adds the products of columns 8i to 8i + 8 of four rows; `bits`, `i` and `half` must be constants.
 *
 * @param x0  pairs of activations, in all lanes
 * @param mask  of a code, or of the lower two bits of three, in each lane
 */
// @ts-ignore: decorator
@inline
function codeDots(
  bits: u32,
  p: usize,
  i: u32,
  half: u32,
  x0: v128,
  x1: v128,
  x2: v128,
  x3: v128,
  mask: v128,
  sum: v128,
): v128 {
  const h = half << 4
  if (bits > 4) {
    const a = v128.load(p + ((i << 6) | h))
    const b = v128.load(p + (((i << 6) | h) + 32))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(a, mask), x0))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_u(a, 8), x1))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(b, mask), x2))
    return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_u(b, 8), x3))
  }
  if (bits == 4) {
    const v = v128.load(p + ((i << 5) | h))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(v, mask), x0))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(v, 4), mask), x1))
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(v, 8), mask), x2))
    return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_u(v, 12), x3))
  }
  const v = bits == 1 ? v128.load(p + h) : v128.load(p + (((i >> 1) << 5) | h))
  const shift = bits == 1 ? i : (i & 1) << 1
  let a = v128.and(shift == 0 ? v : i16x8.shr_u(v, shift), mask)
  let b = v128.and(i16x8.shr_u(v, shift + 4), mask)
  let c = v128.and(i16x8.shr_u(v, shift + 8), mask)
  let d = v128.and(i16x8.shr_u(v, shift + 12), mask)
  if (bits == 3) {
    // The upper bits, at i, i + 4, i + 8 and i + 12 of their lanes, to the place of 4.
    const upper = v128.load(p + (64 | h))
    const four = v128.and(i16x8.shl(mask, 1), i16x8.splat(4))
    a = v128.or(a, v128.and(i <= 2 ? i16x8.shl(upper, 2 - i) : i16x8.shr_u(upper, 1), four))
    b = v128.or(b, v128.and(i16x8.shr_u(upper, i + 2), four))
    c = v128.or(c, v128.and(i16x8.shr_u(upper, i + 6), four))
    d = v128.or(d, v128.and(i16x8.shr_u(upper, i + 10), four))
  }
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(a, x0))
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(b, x1))
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(c, x2))
  return i32x4.add(sum, i32x4.dot_i16x8_s(d, x3))
}
