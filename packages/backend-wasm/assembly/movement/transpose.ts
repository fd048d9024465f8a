import { shareOf } from '../share'
import { transpose4 } from '../vector'

/** Columns at a time, so that the rows of the result that are being written stay in the first cache. */
const BLOCK: u32 = 16

export function transpose(
  y: usize,
  x: usize,
  outer: u32,
  a: u32,
  b: u32,
  inner: u32,
  part: u32,
  parts: u32,
): void {
  if (outer == 0 || a == 0 || b == 0 || inner == 0) return
  const blocks = (b + BLOCK - 1) / BLOCK
  const end = shareOf(outer * blocks, part + 1, parts)
  const bytes = <usize>inner << 2
  for (let unit = shareOf(outer * blocks, part, parts); unit < end; unit++) {
    const base = <usize>((unit / blocks) * a * b) * bytes
    const start = (unit % blocks) * BLOCK
    const stop = min(b, start + BLOCK)
    if (inner == 1) single(y + base, x + base, a, b, start, stop)
    else {
      for (let j = start; j < stop; j++) {
        for (let i: u32 = 0; i < a; i++) {
          move(y + base + <usize>(j * a + i) * bytes, x + base + <usize>(i * b + j) * bytes, bytes)
        }
      }
    }
  }
}

function single(y: usize, x: usize, a: u32, b: u32, start: u32, stop: u32): void {
  let i: u32 = 0
  for (; i + 4 <= a; i += 4) {
    let j = start
    for (; j + 4 <= stop; j += 4) {
      transpose4(y + (<usize>(j * a + i) << 2), <usize>a << 2, x + (<usize>(i * b + j) << 2), <usize>b << 2)
    }
    for (; j < stop; j++) {
      for (let r: u32 = 0; r < 4; r++) {
        i32.store(y + (<usize>(j * a + i + r) << 2), i32.load(x + (<usize>((i + r) * b + j) << 2)))
      }
    }
  }
  for (; i < a; i++) {
    for (let j = start; j < stop; j++) i32.store(y + (<usize>(j * a + i) << 2), i32.load(x + (<usize>(i * b + j) << 2)))
  }
}

// @ts-ignore: decorator
@inline
function move(to: usize, from: usize, bytes: usize): void {
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i))
  for (; i < bytes; i += 4) i32.store(to + i, i32.load(from + i))
}
