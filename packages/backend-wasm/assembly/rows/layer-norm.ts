import { shareOf } from '../share'
import { sumOf } from '../vector'

/** Terms that are added in float32 before the sum goes to float64. */
const RUN: u32 = 1024

/** What the row at hand is away from its centre, summed, and the squares of that. */
let sum: f64 = 0
let squares: f64 = 0

function plainSumOf(x: usize, count: u32): f64 {
  let total: f64 = 0
  let i: u32 = 0
  while (i + 4 <= count) {
    let part = f32x4.splat(0)
    const stop = min(count & ~3, i + RUN)
    for (; i < stop; i += 4) part = f32x4.add(part, v128.load(x + (i << 2)))
    total += <f64>sumOf(part)
  }
  for (; i < count; i++) total += <f64>f32.load(x + (i << 2))
  return total
}

function takeMoments(x: usize, count: u32, centre: f32): void {
  const centres = f32x4.splat(centre)
  sum = 0
  squares = 0
  let i: u32 = 0
  while (i + 4 <= count) {
    let part = f32x4.splat(0)
    let square = part
    const stop = min(count & ~3, i + RUN)
    for (; i < stop; i += 4) {
      const v = f32x4.sub(v128.load(x + (i << 2)), centres)
      part = f32x4.add(part, v)
      square = f32x4.add(square, f32x4.mul(v, v))
    }
    sum += <f64>sumOf(part)
    squares += <f64>sumOf(square)
  }
  for (; i < count; i++) {
    const v = <f64>(f32.load(x + (i << 2)) - centre)
    sum += v
    squares += v * v
  }
}

/** In float64 as the reference does it, for rows out of float32's comfort. */
function normExactly(y: usize, x: usize, weight: usize, bias: usize, columns: u32, epsilon: f64): void {
  const end = <usize>columns << 2
  let total: f64 = 0
  for (let i: usize = 0; i < end; i += 4) total += <f64>f32.load(x + i)
  const mean = total / <f64>columns
  let spread: f64 = 0
  for (let i: usize = 0; i < end; i += 4) {
    const v = <f64>f32.load(x + i) - mean
    spread += v * v
  }
  const scale = 1 / sqrt(spread / <f64>columns + epsilon)
  for (let i: usize = 0; i < end; i += 4) {
    const v = (<f64>f32.load(x + i) - mean) * scale * <f64>f32.load(weight + i)
    f32.store(y + i, <f32>(bias == 0 ? v : v + <f64>f32.load(bias + i)))
  }
}

export function layerNorm(
  y: usize,
  x: usize,
  weight: usize,
  bias: usize,
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
    // What rounding leaves of the mean is taken off with the second sums.
    const centre = <f32>(plainSumOf(from, columns) / <f64>columns)
    takeMoments(from, columns, centre)
    const rest = sum / <f64>columns
    const scale = 1 / sqrt(squares / <f64>columns - rest * rest + epsilon)
    if (!(squares > 1e-30 && squares < 1e38 && scale > 1e-30 && scale < 1e30)) {
      normExactly(to, from, weight, bias, columns, epsilon)
      continue
    }
    const centres = f32x4.splat(centre)
    const rests = f32x4.splat(<f32>rest)
    const factor = f32x4.splat(<f32>scale)
    let i: u32 = 0
    for (; i + 4 <= columns; i += 4) {
      const away = f32x4.sub(f32x4.sub(v128.load(from + (i << 2)), centres), rests)
      const v = f32x4.mul(f32x4.mul(away, factor), v128.load(weight + (i << 2)))
      v128.store(to + (i << 2), bias == 0 ? v : f32x4.add(v, v128.load(bias + (i << 2))))
    }
    for (; i < columns; i++) {
      const v = (f32.load(from + (i << 2)) - centre - <f32>rest) * <f32>scale * f32.load(weight + (i << 2))
      f32.store(to + (i << 2), bias == 0 ? v : v + f32.load(bias + (i << 2)))
    }
  }
}
