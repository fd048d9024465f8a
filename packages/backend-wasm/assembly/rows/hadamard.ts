import { shareOf } from '../share'

function flip(y: usize, x: usize, signs: usize, columns: u32): void {
  let i: u32 = 0
  for (; i + 4 <= columns; i += 4)
    v128.store(y + (i << 2), f32x4.mul(v128.load(x + (i << 2)), v128.load(signs + (i << 2))))
  for (; i < columns; i++) f32.store(y + (i << 2), f32.load(x + (i << 2)) * f32.load(signs + (i << 2)))
}

/** All butterflies of one width over `count` floats, a multiple of 2 · width. */
function butterflies(y: usize, count: u32, width: u32): void {
  const end = y + ((<usize>count) << 2)
  const reach = (<usize>width) << 2
  if (width == 1 && count % 4 == 0) {
    for (; y < end; y += 16) {
      const v = v128.load(y)
      const left = i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11)
      const right = i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15)
      const sum = f32x4.add(left, right)
      const difference = f32x4.sub(left, right)
      v128.store(y, i8x16.shuffle(sum, difference, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27))
    }
  } else if (width == 2) {
    for (; y < end; y += 16) {
      const v = v128.load(y)
      const left = i8x16.shuffle(v, v, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7)
      const right = i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)
      const sum = f32x4.add(left, right)
      const difference = f32x4.sub(left, right)
      v128.store(y, i8x16.shuffle(sum, difference, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23))
    }
  } else if (width == 1) {
    for (; y < end; y += 8) {
      const a = f32.load(y)
      const b = f32.load(y, 4)
      f32.store(y, a + b)
      f32.store(y, a - b, 4)
    }
  } else {
    for (; y < end; y += reach) {
      for (const stop = y + reach; y < stop; y += 16) {
        const a = v128.load(y)
        const b = v128.load(y + reach)
        v128.store(y, f32x4.add(a, b))
        v128.store(y + reach, f32x4.sub(a, b))
      }
    }
  }
}

export function hadamard(
  y: usize,
  x: usize,
  signs: usize,
  rows: u32,
  columns: u32,
  inverse: u32,
  part: u32,
  parts: u32,
): void {
  const block = columns & (~columns + 1)
  const scale = <f32>(1 / sqrt(<f64>block))
  const factors = f32x4.splat(scale)
  const end = shareOf(rows, part + 1, parts)
  for (let row = shareOf(rows, part, parts); row < end; row++) {
    const from = x + ((<usize>(row * columns)) << 2)
    const to = y + ((<usize>(row * columns)) << 2)
    if (signs != 0 && inverse == 0) flip(to, from, signs, columns)
    else if (to != from) memory.copy(to, from, (<usize>columns) << 2)
    for (let width: u32 = 1; width < block; width <<= 1) butterflies(to, columns, width)
    let i: u32 = 0
    for (; i + 4 <= columns; i += 4) v128.store(to + (i << 2), f32x4.mul(v128.load(to + (i << 2)), factors))
    for (; i < columns; i++) f32.store(to + (i << 2), f32.load(to + (i << 2)) * scale)
    if (signs != 0 && inverse != 0) flip(to, to, signs, columns)
  }
}
