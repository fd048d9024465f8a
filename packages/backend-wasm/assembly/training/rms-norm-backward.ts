import { squaresOf } from '../rows/softmax-norm'
import { shareOf } from '../share'
import { madd, sumOf } from '../vector'

/** dx = r·(dy·g) − x·r³·mean(dy·g·x) + residual, and Σ dy·x·r over the rows of each block, whatever the parts. */
export function rmsNormBackward(
  dx: usize,
  sums: usize,
  x: usize,
  weight: usize,
  dy: usize,
  residual: usize,
  rows: u32,
  columns: u32,
  epsilon: f64,
  height: u32,
  part: u32,
  parts: u32,
): void {
  const blocks = (rows + height - 1) / height
  const bytes = (<usize>columns) << 2
  const last = shareOf(blocks, part + 1, parts)
  for (let block = shareOf(blocks, part, parts); block < last; block++) {
    const sum = sums + <usize>block * bytes
    memory.fill(sum, 0, bytes)
    const end = min(rows, (block + 1) * height)
    for (let row = block * height; row < end; row++) {
      const at = <usize>row * bytes
      const r = 1 / sqrt(squaresOf(x + at, columns) / <f64>columns + epsilon)
      const pull = (r * r * r * dotOf(dy + at, weight, x + at, columns)) / <f64>columns
      rowBackward(dx + at, sum, x + at, weight, dy + at, residual == 0 ? 0 : residual + at, columns, <f32>r, <f32>pull)
    }
  }
}

/** Σ dy·g·x */
function dotOf(dy: usize, weight: usize, x: usize, count: u32): f64 {
  let dots = f32x4.splat(0)
  let i: u32 = 0
  for (; i + 4 <= count; i += 4) {
    const at = i << 2
    dots = madd(f32x4.mul(v128.load(dy + at), v128.load(weight + at)), v128.load(x + at), dots)
  }
  let total = <f64>sumOf(dots)
  for (; i < count; i++) {
    const at = i << 2
    total += <f64>f32.load(dy + at) * <f64>f32.load(weight + at) * <f64>f32.load(x + at)
  }
  return total
}

function rowBackward(
  dx: usize,
  sum: usize,
  x: usize,
  weight: usize,
  dy: usize,
  residual: usize,
  columns: u32,
  r: f32,
  pull: f32,
): void {
  const scale = f32x4.splat(r)
  const pulls = f32x4.splat(pull)
  let i: u32 = 0
  for (; i + 4 <= columns; i += 4) {
    const at = i << 2
    const value = v128.load(x + at)
    const slope = f32x4.mul(v128.load(dy + at), scale)
    v128.store(sum + at, madd(slope, value, v128.load(sum + at)))
    let change = f32x4.sub(f32x4.mul(slope, v128.load(weight + at)), f32x4.mul(value, pulls))
    if (residual != 0) change = f32x4.add(change, v128.load(residual + at))
    v128.store(dx + at, change)
  }
  for (; i < columns; i++) {
    const at = i << 2
    const value = f32.load(x + at)
    const slope = f32.load(dy + at) * r
    f32.store(sum + at, f32.load(sum + at) + slope * value)
    const change = slope * f32.load(weight + at) - value * pull
    f32.store(dx + at, residual == 0 ? change : change + f32.load(residual + at))
  }
}
