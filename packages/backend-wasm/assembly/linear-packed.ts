import { quantizeRow, segmentCount } from './activations'
import { multiplyBlocks } from './gemm'
import { levelsRow, prepareLevels } from './levels'
import { linearPackedMany } from './linear-packed-many'
import { blockBytes, groupBytes, groupCount, SEGMENT_BLOCKS, tileBytes } from './packed-layout'
import { LEVELS, setLevels } from './panel'
import { scratchOf } from './scratch'
import { shareOf } from './share'

const ZERO: i32 = 1
const OFFSET: i32 = 2
const CONSTANT: i32 = 3

/** From so many rows on, codes are unpacked once for all of them. */
const MANY: u32 = 4

export function linearPacked(
  y: usize,
  x: usize,
  stream: usize,
  table: usize,
  m: u32,
  n: u32,
  k: u32,
  bits: u32,
  group: u32,
  scaleType: i32,
  shiftKind: i32,
  constant: i32,
  precision: i32,
  accumulate: u32,
  part: u32,
  parts: u32,
): void {
  const scratch = scratchOf(part)
  const start = shareOf((n + 7) >> 3, part, parts)
  const end = shareOf((n + 7) >> 3, part + 1, parts)
  if (start == end || m == 0) return
  if (m >= MANY && table == 0) {
    linearPackedMany(y, x, stream, m, n, k, bits, group, shiftKind, constant, accumulate != 0, start, end, scratch)
    return
  }
  if (m >= MANY) {
    setLevels(table, bits, group, shiftKind)
    multiplyBlocks(y, n, x, k, false, stream, k, LEVELS, m, start << 3, min(n, end << 3), k, accumulate != 0, false, scratch)
    return
  }
  const size = tileBytes(k, bits, group, shiftKind)
  const numbers = scratch + 128
  const q = numbers + <usize>segmentCount(k, group) * 8
  if (table != 0) prepareLevels(scratch, table, bits)
  for (let i: u32 = 0; i < m; i++) {
    quantizeRow(q, 4, numbers, 8, x + (<usize>(i * k) << 2), k, group, table != 0 ? 16383 : 32767)
    for (let tile = start; tile < end; tile++) {
      const to = y + (<usize>(i * n + (tile << 3)) << 2)
      const from = stream + <usize>tile * size
      const count = min(8, n - (tile << 3))
      // Results go to the beginning of the scratch first where the tile is not whole.
      const target = count == 8 ? to : scratch + 32
      const add = accumulate != 0 && count == 8
      if (table != 0) levelsRow(target, from, q, numbers, scratch, k, bits, group, shiftKind, add)
      else if (bits == 4) fourBits(target, from, q, numbers, k, group, shiftKind, constant, add)
      else if (bits > 4) eightBits(target, from, q, numbers, k, group, shiftKind, constant, add)
      else if (bits == 3) threeBits(target, from, q, numbers, k, group, shiftKind, constant, add)
      else if (bits == 2) twoBits(target, from, q, numbers, k, group, shiftKind, constant, add)
      else oneBit(target, from, q, numbers, k, group, shiftKind, constant, add)
      if (count == 8) continue
      for (let c: u32 = 0; c < count; c++) {
        const sum = f32.load(target + (c << 2))
        f32.store(to + (c << 2), accumulate != 0 ? f32.load(to + (c << 2)) + sum : sum)
      }
    }
  }
}

function fourBits(y: usize, p: usize, q: usize, numbers: usize, k: u32, group: u32, shift: i32, constant: i32, add: bool): void {
  tileRow(4, y, p, q, numbers, k, group, shift, constant, add)
}
function eightBits(y: usize, p: usize, q: usize, numbers: usize, k: u32, group: u32, shift: i32, constant: i32, add: bool): void {
  tileRow(8, y, p, q, numbers, k, group, shift, constant, add)
}
function threeBits(y: usize, p: usize, q: usize, numbers: usize, k: u32, group: u32, shift: i32, constant: i32, add: bool): void {
  tileRow(3, y, p, q, numbers, k, group, shift, constant, add)
}
function twoBits(y: usize, p: usize, q: usize, numbers: usize, k: u32, group: u32, shift: i32, constant: i32, add: bool): void {
  tileRow(2, y, p, q, numbers, k, group, shift, constant, add)
}
function oneBit(y: usize, p: usize, q: usize, numbers: usize, k: u32, group: u32, shift: i32, constant: i32, add: bool): void {
  tileRow(1, y, p, q, numbers, k, group, shift, constant, add)
}

/** The integer zeros of four rows of a group. */
// @ts-ignore: decorator
@inline
function zerosAt(p: usize, half: u32): v128 {
  const bytes = v128.load32_zero(p + 32 + (half << 2))
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes))
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

/** Eight rows of a weight times one row of activations. */
// @ts-ignore: decorator
@inline
function tileRow(
  bits: u32,
  y: usize,
  p: usize,
  q: usize,
  numbers: usize,
  k: u32,
  group: u32,
  shiftKind: i32,
  constant: i32,
  accumulate: bool,
): void {
  let y0 = f32x4.splat(0)
  let y1 = y0
  // From memory, or V8 would make the constant anew at each use.
  const kept: i32 = bits > 4 ? 255 : bits == 4 ? 15 : bits == 1 ? 1 : 3
  v128.store(numbers - 32, i16x8.splat(<i16>kept))
  const mask = v128.load(numbers - 32)
  const given = i32x4.splat(shiftKind == CONSTANT ? constant : 0)
  const numberBytes = groupBytes(shiftKind)
  let groups = groupCount(k, group)
  let blocksLeft = (k + 31) >> 5
  const groupBlocks = groups <= 1 ? blocksLeft : group >> 5
  for (; groups > 0; groups--) {
    const header = p
    p += numberBytes
    let rest = min(groupBlocks, blocksLeft)
    blocksLeft -= rest
    while (rest > 0) {
      const blocks = min(rest, SEGMENT_BLOCKS)
      rest -= blocks
      let s0 = i32x4.splat(0)
      let s1 = s0
      const end = p + <usize>blocks * blockBytes(bits)
      while (true) {
        // Four steps of eight columns. V8 would pull the loads of all of them to the front and run out of
        // registers; tests between them, which never hold, keep them apart.
        {
          const x0 = v128.load32_splat(q, 0)
          const x1 = v128.load32_splat(q, 4)
          const x2 = v128.load32_splat(q, 8)
          const x3 = v128.load32_splat(q, 12)
          s0 = codeDots(bits, p, 0, 0, x0, x1, x2, x3, mask, s0)
          s1 = codeDots(bits, p, 0, 1, x0, x1, x2, x3, mask, s1)
        }
        if (p == 0) break
        {
          const x0 = v128.load32_splat(q, 16)
          const x1 = v128.load32_splat(q, 20)
          const x2 = v128.load32_splat(q, 24)
          const x3 = v128.load32_splat(q, 28)
          s0 = codeDots(bits, p, 1, 0, x0, x1, x2, x3, mask, s0)
          s1 = codeDots(bits, p, 1, 1, x0, x1, x2, x3, mask, s1)
        }
        if (q == 0) break
        {
          const x0 = v128.load32_splat(q, 32)
          const x1 = v128.load32_splat(q, 36)
          const x2 = v128.load32_splat(q, 40)
          const x3 = v128.load32_splat(q, 44)
          s0 = codeDots(bits, p, 2, 0, x0, x1, x2, x3, mask, s0)
          s1 = codeDots(bits, p, 2, 1, x0, x1, x2, x3, mask, s1)
        }
        if (end == 0) break
        {
          const x0 = v128.load32_splat(q, 48)
          const x1 = v128.load32_splat(q, 52)
          const x2 = v128.load32_splat(q, 56)
          const x3 = v128.load32_splat(q, 60)
          s0 = codeDots(bits, p, 3, 0, x0, x1, x2, x3, mask, s0)
          s1 = codeDots(bits, p, 3, 1, x0, x1, x2, x3, mask, s1)
        }
        p += blockBytes(bits)
        q += 64
        if (p >= end) break
      }
      const unit = v128.load32_splat(numbers)
      const sum = v128.load32_splat(numbers, 4)
      s0 = i32x4.sub(s0, i32x4.mul(sum, shiftKind == ZERO ? zerosAt(header, 0) : given))
      s1 = i32x4.sub(s1, i32x4.mul(sum, shiftKind == ZERO ? zerosAt(header, 1) : given))
      y0 = f32x4.add(y0, f32x4.mul(f32x4.convert_i32x4_s(s0), f32x4.mul(v128.load(header), unit)))
      y1 = f32x4.add(y1, f32x4.mul(f32x4.convert_i32x4_s(s1), f32x4.mul(v128.load(header, 16), unit)))
      if (shiftKind == OFFSET) {
        const total = f32x4.mul(unit, f32x4.convert_i32x4_s(sum))
        y0 = f32x4.add(y0, f32x4.mul(v128.load(header, 32), total))
        y1 = f32x4.add(y1, f32x4.mul(v128.load(header, 48), total))
      }
      numbers += 8
    }
  }
  if (accumulate) {
    y0 = f32x4.add(y0, v128.load(y))
    y1 = f32x4.add(y1, v128.load(y, 16))
  }
  v128.store(y, y0)
  v128.store(y, y1, 16)
}
