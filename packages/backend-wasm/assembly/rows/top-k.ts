import { shareOf } from '../share'

/** Whether `a` at index `i` comes before `b` at `j`: larger first, NaN last, of equals the first. */
// @ts-ignore: decorator
@inline
function before(a: f32, i: u32, b: f32, j: u32): bool {
  if (a > b) return true
  if (a < b) return false
  const aIsNumber = a == a
  const bIsNumber = b == b
  return aIsNumber != bIsNumber ? aIsNumber : i < j
}

/** Lets the element at `at` of a heap of `count`, whose root comes last of all, sink to its place. */
function sink(values: usize, indices: usize, at: u32, count: u32): void {
  const value = i32.load(values + (at << 2))
  const key = reinterpret<f32>(value)
  const index = i32.load(indices + (at << 2))
  while (true) {
    let child: u32 = 2 * at + 1
    if (child >= count) break
    let v = f32.load(values + (child << 2))
    let i = i32.load(indices + (child << 2))
    if (child + 1 < count) {
      const other = f32.load(values + (child << 2) + 4)
      const otherIndex = i32.load(indices + (child << 2) + 4)
      if (before(v, i, other, otherIndex)) {
        child++
        v = other
        i = otherIndex
      }
    }
    if (!before(key, index, v, i)) break
    i32.store(values + (at << 2), i32.load(values + (child << 2)))
    i32.store(indices + (at << 2), i)
    at = child
  }
  i32.store(values + (at << 2), value)
  i32.store(indices + (at << 2), index)
}

function topOfRow(values: usize, indices: usize, x: usize, columns: u32, k: u32): void {
  for (let i: u32 = 0; i < k; i++) {
    i32.store(values + (i << 2), i32.load(x + (i << 2)))
    i32.store(indices + (i << 2), i)
  }
  for (let i = k >> 1; i > 0; i--) sink(values, indices, i - 1, k)

  let i = k
  while (i < columns) {
    // The root is the least of those kept. Sixteen at a time are passed over where none is larger.
    const least = f32.load(values)
    if (least == least) {
      const bound = f32x4.splat(least)
      for (; i + 16 <= columns; i += 16) {
        const at = x + (<usize>i << 2)
        const a = v128.or(f32x4.gt(v128.load(at), bound), f32x4.gt(v128.load(at, 16), bound))
        const b = v128.or(f32x4.gt(v128.load(at, 32), bound), f32x4.gt(v128.load(at, 48), bound))
        if (v128.any_true(v128.or(a, b))) break
      }
      if (i >= columns) break
    }
    for (const stop = min(columns, i + 16); i < stop; i++) {
      const at = x + (<usize>i << 2)
      if (!before(f32.load(at), i, f32.load(values), i32.load(indices))) continue
      i32.store(values, i32.load(at))
      i32.store(indices, i)
      sink(values, indices, 0, k)
    }
  }
  for (let last = k; last > 1; last--) {
    const end = (last - 1) << 2
    const value = i32.load(values)
    const index = i32.load(indices)
    i32.store(values, i32.load(values + end))
    i32.store(indices, i32.load(indices + end))
    i32.store(values + end, value)
    i32.store(indices + end, index)
    sink(values, indices, 0, last - 1)
  }
}

export function topK(
  values: usize,
  indices: usize,
  x: usize,
  rows: u32,
  columns: u32,
  k: u32,
  part: u32,
  parts: u32,
): void {
  if (k == 0) return
  const end = shareOf(rows, part + 1, parts)
  for (let row = shareOf(rows, part, parts); row < end; row++) {
    topOfRow(
      values + (<usize>(row * k) << 2),
      indices + (<usize>(row * k) << 2),
      x + (<usize>(row * columns) << 2),
      columns,
      k,
    )
  }
}
