import { groupCount, SEGMENT_BLOCKS } from './packed-layout'
import { integerSumOf } from './vector'

/** Segments that the columns fall into: pieces of groups with an own scale of the activations. */
export function segmentCount(columns: u32, group: u32): u32 {
  const groups = groupCount(columns, group)
  if (groups == 0) return 0
  const length = groups == 1 ? columns : group
  const full = (length + 32 * SEGMENT_BLOCKS - 1) / (32 * SEGMENT_BLOCKS)
  const rest = columns - (groups - 1) * length
  return (groups - 1) * full + (rest + 32 * SEGMENT_BLOCKS - 1) / (32 * SEGMENT_BLOCKS)
}

// @ts-ignore: decorator
@inline
function sizeAt(x: usize, count: u32): v128 {
  if (count >= 4) return f32x4.abs(v128.load(x))
  let v = v128.load32_zero(x)
  if (count > 1) v = v128.load32_lane(x + 4, v, 1)
  if (count > 2) v = v128.load32_lane(x + 8, v, 2)
  return f32x4.abs(v)
}

/**
 * A row of activations as 16-bit integers, segment by segment.
 *
 * @param q  pairs of neighbours, `step` bytes apart, up to a whole block of 32
 * @param numbers  for each segment its unit (float32; NaN where an activation is not finite) and the
 *   sum of its integers (int32), `numberStep` bytes apart
 * @param most  the largest integer
 */
export function quantizeRow(
  q: usize,
  step: usize,
  numbers: usize,
  numberStep: usize,
  x: usize,
  columns: u32,
  group: u32,
  most: f32,
): void {
  const groups = groupCount(columns, group)
  let at: u32 = 0
  for (let g: u32 = 0; g < groups; g++) {
    const groupEnd = groups == 1 ? columns : min(columns, (g + 1) * group)
    while (at < groupEnd) {
      const count = min(32 * SEGMENT_BLOCKS, groupEnd - at)
      quantizeSegment(q, step, numbers, x + (<usize>at << 2), count, most)
      q += <usize>((count + 31) >> 5) * (step << 4)
      numbers += numberStep
      at += count
    }
  }
}

function quantizeSegment(q: usize, step: usize, numbers: usize, x: usize, count: u32, most: f32): void {
  let sizes = f32x4.splat(0)
  for (let i: u32 = 0; i < count; i += 4) sizes = f32x4.max(sizes, sizeAt(x + (i << 2), count - i))
  let largest = max(
    max(f32x4.extract_lane(sizes, 0), f32x4.extract_lane(sizes, 1)),
    max(f32x4.extract_lane(sizes, 2), f32x4.extract_lane(sizes, 3)),
  )
  // Numbers near the end of float32's range are moved up first, or their unit would be 0.
  const lift: f32 = largest < 1e-30 ? 1.2676506002282294e30 : 1
  largest *= lift
  const finite = largest < f32.POSITIVE_INFINITY
  const inverse = f32x4.splat(finite && largest > 0 ? (most / largest) * lift : 0)
  const ones = i16x8.splat(1)
  let sum = i32x4.splat(0)
  const whole = (count + 31) & ~31
  for (let i: u32 = 0; i < whole; i += 8) {
    const low = integersAt(x, i, count, inverse)
    const high = integersAt(x, i + 4, count, inverse)
    const v = i16x8.narrow_i32x4_s(low, high)
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v, ones))
    v128.store32_lane(q, v, 0)
    v128.store32_lane(q + step, v, 1)
    v128.store32_lane(q + 2 * step, v, 2)
    v128.store32_lane(q + 3 * step, v, 3)
    q += step << 2
  }
  f32.store(numbers, finite ? largest / most / lift : f32.NaN)
  i32.store(numbers, integerSumOf(sum), 4)
}

// @ts-ignore: decorator
@inline
function integersAt(x: usize, i: u32, count: u32, inverse: v128): v128 {
  if (i >= count) return i32x4.splat(0)
  let v = v128.load(x + (i << 2))
  // What is read past the end is nobody's number.
  if (i + 4 > count) v = v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count - i)))
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v, inverse)))
}
