import { blockBytes, groupAt, groupBytes, groupCount, nibblesOf, SEGMENT_BLOCKS, takeCode, tileBytes } from './layout'

/**
 * A table of up to 16 levels as 14-bit integers, their lower and upper bytes apart, and the unit.
 *
 * @param to  lower bytes (16) and upper bytes (16); the unit is 64 bytes on
 */
export function prepareLevels(to: usize, table: usize, bits: u32): void {
  const count: u32 = 1 << bits
  let largest: f32 = 0
  for (let i: u32 = 0; i < count; i++) largest = max(largest, abs(f32.load(table + (i << 2))))
  const finite = largest < f32.POSITIVE_INFINITY
  for (let i: u32 = 0; i < 16; i++) {
    let level: i32 = 0
    if (i < count && finite && largest > 0) level = <i32>nearest((f32.load(table + (i << 2)) / largest) * 16383)
    store<u8>(to + i, level)
    store<u8>(to + 16 + i, level >> 8)
  }
  f32.store(to, finite ? largest / 16383 : f32.NaN, 64)
}

// @ts-ignore: decorator
@inline
function look(table: v128, index: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, index)
  else return i8x16.swizzle(table, index)
}

/** Four dot products of levels, which is as many as stay in 32 bits, as floats. */
// @ts-ignore: decorator
@inline
function levelDots(v: v128, lower: v128, upper: v128, q: usize): v128 {
  const mask = i16x8.splat(0x0f0f)
  const bytes = i16x8.splat(0x00ff)
  const even = v128.and(v, mask)
  const odd = v128.and(i16x8.shr_u(v, 4), mask)
  const evenLower = look(lower, even)
  const evenUpper = look(upper, even)
  const oddLower = look(lower, odd)
  const oddUpper = look(upper, odd)
  const w0 = v128.or(v128.and(evenLower, bytes), i16x8.shl(evenUpper, 8))
  const w2 = v128.or(i16x8.shr_u(evenLower, 8), v128.andnot(evenUpper, bytes))
  const w1 = v128.or(v128.and(oddLower, bytes), i16x8.shl(oddUpper, 8))
  const w3 = v128.or(i16x8.shr_u(oddLower, 8), v128.andnot(oddUpper, bytes))
  const a = i32x4.add(
    i32x4.dot_i16x8_s(w0, v128.load32_splat(q)),
    i32x4.dot_i16x8_s(w1, v128.load32_splat(q, 4)),
  )
  const b = i32x4.add(
    i32x4.dot_i16x8_s(w2, v128.load32_splat(q, 8)),
    i32x4.dot_i16x8_s(w3, v128.load32_splat(q, 12)),
  )
  return f32x4.convert_i32x4_s(i32x4.add(a, b))
}

/** Eight rows of codes into a table times one row of activations of 14 bits. */
export function levelsRow(
  y: usize,
  p: usize,
  q: usize,
  numbers: usize,
  levels: usize,
  k: u32,
  bits: u32,
  group: u32,
  shiftKind: i32,
  accumulate: bool,
): void {
  const lower = v128.load(levels)
  const upper = v128.load(levels, 16)
  const unit = v128.load32_splat(levels, 64)
  let y0 = f32x4.splat(0)
  let y1 = y0
  const groups = groupCount(k, group)
  for (let g: u32 = 0; g < groups; g++) {
    const header = p
    p += groupBytes(shiftKind)
    let rest = ((groups == 1 ? k : min(group, k - g * group)) + 31) >> 5
    while (rest > 0) {
      const blocks = min(rest, SEGMENT_BLOCKS)
      rest -= blocks
      let s0 = f32x4.splat(0)
      let s1 = s0
      for (let b: u32 = 0; b < blocks; b++, p += blockBytes(bits)) {
        for (let i: u32 = 0; i < 4; i++, q += 16) {
          s0 = f32x4.add(s0, levelDots(nibblesOfAny(bits, p, i, 0), lower, upper, q))
          s1 = f32x4.add(s1, levelDots(nibblesOfAny(bits, p, i, 1), lower, upper, q))
        }
      }
      const factor = f32x4.mul(unit, v128.load32_splat(numbers))
      y0 = f32x4.add(y0, f32x4.mul(s0, f32x4.mul(v128.load(header), factor)))
      y1 = f32x4.add(y1, f32x4.mul(s1, f32x4.mul(v128.load(header, 16), factor)))
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

/** As `nibblesOf`, for bits that are known when it runs. */
// @ts-ignore: decorator
@inline
export function nibblesOfAny(bits: u32, block: usize, i: u32, half: u32): v128 {
  if (bits == 4) return v128.load(block + (((i << 1) | half) << 4))
  return fewerNibbles(bits, block, i, half)
}

function fewerNibbles(bits: u32, block: usize, i: u32, half: u32): v128 {
  if (bits == 1) return nibblesOf(1, block, i, half)
  if (bits == 2) return nibblesOf(2, block, i, half)
  return nibblesOf(3, block, i, half)
}

/** Rows j to j + 8 of a packed weight at columns p to p + length, as floats (length, 8). */
export function levelsPanel(
  to: usize,
  stream: usize,
  j: u32,
  p: u32,
  length: u32,
  table: usize,
  bits: u32,
  k: u32,
  group: u32,
  shiftKind: i32,
): void {
  const tile = stream + <usize>(j >> 3) * tileBytes(k, bits, group, shiftKind)
  const length_ = groupCount(k, group) == 1 ? k : group
  for (let c = p; c < p + length; c++, to += 32) {
    const g = c / length_
    const inside = c - g * length_
    const header = tile + groupAt(g, bits, group, shiftKind)
    const block = header + groupBytes(shiftKind) + <usize>(inside >> 5) * blockBytes(bits)
    for (let r: u32 = 0; r < 8; r++) {
      const level = f32.load(table + (takeCode(block, bits, r, inside & 31) << 2))
      f32.store(to + (r << 2), level * f32.load(header + (r << 2)))
    }
  }
}
