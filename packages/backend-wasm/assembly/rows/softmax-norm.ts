import { expBelow } from '../elementwise/exponential'
import { shareOf } from '../share'
import { sumOf } from '../vector'

/** Terms that are added in float32 before the sum goes to float64. */
const RUN: u32 = 1024

/** The largest of `count` floats; NaN if any is, −∞ of none. */
export function largestOf(x: usize, count: u32): f32 {
  let most = f32x4.splat(-f32.POSITIVE_INFINITY)
  const end = x + ((<usize>count) << 2)
  if (count >= 16) {
    let b = most
    let c = most
    let d = most
    for (; x + 64 <= end; x += 64) {
      most = f32x4.max(most, v128.load(x))
      b = f32x4.max(b, v128.load(x, 16))
      c = f32x4.max(c, v128.load(x, 32))
      d = f32x4.max(d, v128.load(x, 48))
    }
    most = f32x4.max(f32x4.max(most, b), f32x4.max(c, d))
  }
  for (; x < end; x += 4) most = f32x4.max(most, v128.load32_splat(x))
  return max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
}

/** y = e^(x − shift), and the sum of that. */
export function exponentials(y: usize, x: usize, count: u32, shift: f32): f64 {
  const shifts = f32x4.splat(shift)
  let total: f64 = 0
  let i: u32 = 0
  while (i + 4 <= count) {
    let sum = f32x4.splat(0)
    const stop = min(count & ~3, i + RUN)
    for (; i < stop; i += 4) {
      const e = expBelow(f32x4.sub(v128.load(x + (i << 2)), shifts))
      v128.store(y + (i << 2), e)
      sum = f32x4.add(sum, e)
    }
    total += <f64>sumOf(sum)
  }
  for (; i < count; i++) {
    const e = f32x4.extract_lane(expBelow(f32x4.sub(v128.load32_splat(x + (i << 2)), shifts)), 0)
    f32.store(y + (i << 2), e)
    total += <f64>e
  }
  return total
}

/** y = x · factor; y may be x. */
export function scaleRow(y: usize, x: usize, count: u32, factor: f32): void {
  const factors = f32x4.splat(factor)
  let i: u32 = 0
  for (; i + 4 <= count; i += 4) v128.store(y + (i << 2), f32x4.mul(v128.load(x + (i << 2)), factors))
  for (; i < count; i++) f32.store(y + (i << 2), f32.load(x + (i << 2)) * factor)
}

export function softmax(y: usize, x: usize, rows: u32, columns: u32, part: u32, parts: u32): void {
  const end = shareOf(rows, part + 1, parts)
  for (let row = shareOf(rows, part, parts); row < end; row++) {
    const from = x + ((<usize>(row * columns)) << 2)
    const to = y + ((<usize>(row * columns)) << 2)
    const most = largestOf(from, columns)
    if (most == -f32.POSITIVE_INFINITY) memory.fill(to, 0, (<usize>columns) << 2)
    else {
      const sum = exponentials(to, from, columns, most)
      scaleRow(to, to, columns, <f32>(1 / sum))
    }
  }
}

/** The sum of squares, in float64 beyond runs; all of it where squares of large or tiny numbers leave float32. */
export function squaresOf(x: usize, count: u32): f64 {
  const quick = squaresInRuns(x, count)
  if (quick < 1e38 && quick > 1e-28) return quick
  let total: f64 = 0
  for (let i: u32 = 0; i < count; i++) {
    const v = <f64>f32.load(x + (i << 2))
    total += v * v
  }
  return total
}

function squaresInRuns(x: usize, count: u32): f64 {
  let total: f64 = 0
  let i: u32 = 0
  while (i + 4 <= count) {
    let sum = f32x4.splat(0)
    const stop = min(count & ~3, i + RUN)
    for (; i < stop; i += 4) {
      const v = v128.load(x + (i << 2))
      sum = f32x4.add(sum, f32x4.mul(v, v))
    }
    total += <f64>sumOf(sum)
  }
  for (; i < count; i++) total += <f64>f32.load(x + (i << 2)) * <f64>f32.load(x + (i << 2))
  return total
}

export function rmsNorm(
  y: usize,
  x: usize,
  weight: usize,
  rows: u32,
  columns: u32,
  epsilon: f64,
  part: u32,
  parts: u32,
): void {
  const end = shareOf(rows, part + 1, parts)
  for (let row = shareOf(rows, part, parts); row < end; row++) {
    const from = x + ((<usize>(row * columns)) << 2)
    const to = y + ((<usize>(row * columns)) << 2)
    const scale = 1 / sqrt(squaresOf(from, columns) / <f64>columns + epsilon)
    const factor = f32x4.splat(<f32>scale)
    let i: u32 = 0
    if (scale > 1e-30 && scale < 1e30) {
      for (; i + 4 <= columns; i += 4) {
        const scaled = f32x4.mul(v128.load(from + (i << 2)), factor)
        v128.store(to + (i << 2), f32x4.mul(scaled, v128.load(weight + (i << 2))))
      }
    }
    for (; i < columns; i++) {
      const v = <f64>f32.load(from + (i << 2)) * scale * <f64>f32.load(weight + (i << 2))
      f32.store(to + (i << 2), <f32>v)
    }
  }
}
