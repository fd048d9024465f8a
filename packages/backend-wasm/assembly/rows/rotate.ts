import { shareOf } from '../share'

export function rotate(
  y: usize,
  x: usize,
  cos: usize,
  sin: usize,
  rows: u32,
  tokens: u32,
  headDim: u32,
  pairs: u32,
  near: u32,
  far: u32,
  repeat: u32,
  part: u32,
  parts: u32,
): void {
  const end = shareOf(rows, part + 1, parts)
  const farBytes = (<usize>far) << 2
  const nearBytes = (<usize>near) << 2
  for (let row = shareOf(rows, part, parts); row < end; row++) {
    const from = x + ((<usize>(row * headDim)) << 2)
    const to = y + ((<usize>(row * headDim)) << 2)
    if (to != from) memory.copy(to, from, (<usize>headDim) << 2)
    const angles = (<usize>(((row / repeat) % tokens) * pairs)) << 2
    let c = cos + angles
    let s = sin + angles
    let at = to
    let p: u32 = 0
    if (near == 1) {
      for (; p + 4 <= pairs; p += 4, c += 16, s += 16, at += 16) {
        const a = v128.load(at)
        const b = v128.load(at + farBytes)
        const cosines = v128.load(c)
        const sines = v128.load(s)
        v128.store(at, f32x4.sub(f32x4.mul(a, cosines), f32x4.mul(b, sines)))
        v128.store(at + farBytes, f32x4.add(f32x4.mul(a, sines), f32x4.mul(b, cosines)))
      }
    }
    for (; p < pairs; p++, c += 4, s += 4, at += nearBytes) {
      const a = f32.load(at)
      const b = f32.load(at + farBytes)
      f32.store(at, a * f32.load(c) - b * f32.load(s))
      f32.store(at + farBytes, a * f32.load(s) + b * f32.load(c))
    }
  }
}
