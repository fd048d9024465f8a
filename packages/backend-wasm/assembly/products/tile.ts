import { madd } from '../vector'

/**
 * c (4, 8) = or += a·b over k > 0 steps, a packed as (k, 4) and b as (k, 8); rows of c lie `step` bytes
 * apart. Each sum runs over k in order; `fused` must be a constant, and false where bits are promised.
 *
 * Eight sums are what V8 keeps in registers, and it interleaves whatever stands in one block until
 * they no longer fit: the test after each step ends the block, and serves every k.
 */
// @ts-ignore: decorator
@inline
function tileOf(fused: bool, c: usize, step: usize, a: usize, b: usize, k: u32, accumulate: bool): void {
  const c1 = c + step
  const c2 = c1 + step
  const c3 = c2 + step
  let s00 = f32x4.splat(0)
  let s01 = s00
  let s10 = s00
  let s11 = s00
  let s20 = s00
  let s21 = s00
  let s30 = s00
  let s31 = s00
  if (accumulate) {
    s00 = v128.load(c)
    s01 = v128.load(c, 16)
    s10 = v128.load(c1)
    s11 = v128.load(c1, 16)
    s20 = v128.load(c2)
    s21 = v128.load(c2, 16)
    s30 = v128.load(c3)
    s31 = v128.load(c3, 16)
  }
  while (true) {
    const b0 = v128.load(b, 0)
    const e0 = v128.load(b, 16)
    const x00 = v128.load32_splat(a, 0)
    s00 = fused ? madd(x00, b0, s00) : f32x4.add(s00, f32x4.mul(x00, b0))
    s01 = fused ? madd(x00, e0, s01) : f32x4.add(s01, f32x4.mul(x00, e0))
    const x01 = v128.load32_splat(a, 4)
    s10 = fused ? madd(x01, b0, s10) : f32x4.add(s10, f32x4.mul(x01, b0))
    s11 = fused ? madd(x01, e0, s11) : f32x4.add(s11, f32x4.mul(x01, e0))
    const x02 = v128.load32_splat(a, 8)
    s20 = fused ? madd(x02, b0, s20) : f32x4.add(s20, f32x4.mul(x02, b0))
    s21 = fused ? madd(x02, e0, s21) : f32x4.add(s21, f32x4.mul(x02, e0))
    const x03 = v128.load32_splat(a, 12)
    s30 = fused ? madd(x03, b0, s30) : f32x4.add(s30, f32x4.mul(x03, b0))
    s31 = fused ? madd(x03, e0, s31) : f32x4.add(s31, f32x4.mul(x03, e0))
    if (--k == 0) break
    const b1 = v128.load(b, 32)
    const e1 = v128.load(b, 48)
    const x10 = v128.load32_splat(a, 16)
    s00 = fused ? madd(x10, b1, s00) : f32x4.add(s00, f32x4.mul(x10, b1))
    s01 = fused ? madd(x10, e1, s01) : f32x4.add(s01, f32x4.mul(x10, e1))
    const x11 = v128.load32_splat(a, 20)
    s10 = fused ? madd(x11, b1, s10) : f32x4.add(s10, f32x4.mul(x11, b1))
    s11 = fused ? madd(x11, e1, s11) : f32x4.add(s11, f32x4.mul(x11, e1))
    const x12 = v128.load32_splat(a, 24)
    s20 = fused ? madd(x12, b1, s20) : f32x4.add(s20, f32x4.mul(x12, b1))
    s21 = fused ? madd(x12, e1, s21) : f32x4.add(s21, f32x4.mul(x12, e1))
    const x13 = v128.load32_splat(a, 28)
    s30 = fused ? madd(x13, b1, s30) : f32x4.add(s30, f32x4.mul(x13, b1))
    s31 = fused ? madd(x13, e1, s31) : f32x4.add(s31, f32x4.mul(x13, e1))
    if (--k == 0) break
    const b2 = v128.load(b, 64)
    const e2 = v128.load(b, 80)
    const x20 = v128.load32_splat(a, 32)
    s00 = fused ? madd(x20, b2, s00) : f32x4.add(s00, f32x4.mul(x20, b2))
    s01 = fused ? madd(x20, e2, s01) : f32x4.add(s01, f32x4.mul(x20, e2))
    const x21 = v128.load32_splat(a, 36)
    s10 = fused ? madd(x21, b2, s10) : f32x4.add(s10, f32x4.mul(x21, b2))
    s11 = fused ? madd(x21, e2, s11) : f32x4.add(s11, f32x4.mul(x21, e2))
    const x22 = v128.load32_splat(a, 40)
    s20 = fused ? madd(x22, b2, s20) : f32x4.add(s20, f32x4.mul(x22, b2))
    s21 = fused ? madd(x22, e2, s21) : f32x4.add(s21, f32x4.mul(x22, e2))
    const x23 = v128.load32_splat(a, 44)
    s30 = fused ? madd(x23, b2, s30) : f32x4.add(s30, f32x4.mul(x23, b2))
    s31 = fused ? madd(x23, e2, s31) : f32x4.add(s31, f32x4.mul(x23, e2))
    if (--k == 0) break
    const b3 = v128.load(b, 96)
    const e3 = v128.load(b, 112)
    const x30 = v128.load32_splat(a, 48)
    s00 = fused ? madd(x30, b3, s00) : f32x4.add(s00, f32x4.mul(x30, b3))
    s01 = fused ? madd(x30, e3, s01) : f32x4.add(s01, f32x4.mul(x30, e3))
    const x31 = v128.load32_splat(a, 52)
    s10 = fused ? madd(x31, b3, s10) : f32x4.add(s10, f32x4.mul(x31, b3))
    s11 = fused ? madd(x31, e3, s11) : f32x4.add(s11, f32x4.mul(x31, e3))
    const x32 = v128.load32_splat(a, 56)
    s20 = fused ? madd(x32, b3, s20) : f32x4.add(s20, f32x4.mul(x32, b3))
    s21 = fused ? madd(x32, e3, s21) : f32x4.add(s21, f32x4.mul(x32, e3))
    const x33 = v128.load32_splat(a, 60)
    s30 = fused ? madd(x33, b3, s30) : f32x4.add(s30, f32x4.mul(x33, b3))
    s31 = fused ? madd(x33, e3, s31) : f32x4.add(s31, f32x4.mul(x33, e3))
    if (--k == 0) break
    a += 64
    b += 128
  }
  v128.store(c, s00)
  v128.store(c, s01, 16)
  v128.store(c1, s10)
  v128.store(c1, s11, 16)
  v128.store(c2, s20)
  v128.store(c2, s21, 16)
  v128.store(c3, s30)
  v128.store(c3, s31, 16)
}

/** Rounded after the multiplication and after the addition: the same bits everywhere. */
export function tileInOrder(c: usize, step: usize, a: usize, b: usize, k: u32, accumulate: bool): void {
  tileOf(false, c, step, a, b, k, accumulate)
}

/** Fused where the engine can. */
export function tileFree(c: usize, step: usize, a: usize, b: usize, k: u32, accumulate: bool): void {
  tileOf(true, c, step, a, b, k, accumulate)
}
