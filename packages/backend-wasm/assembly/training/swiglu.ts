import { exp4 } from '../elementwise/exponential'
import { steppedShareOf } from '../share'

/** 1/(1 + e⁻ˣ) */
// @ts-ignore: decorator
@inline
function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

/** x·σ, whose limit at −∞ is −0 and not NaN. */
// @ts-ignore: decorator
@inline
function timesSigmoid(x: v128, sigma: v128): v128 {
  return f32x4.mul(f32x4.pmax(x, f32x4.splat(-f32.MAX_VALUE)), sigma)
}

export function swiglu(a: usize, gate: usize, up: usize, size: u32, part: u32, parts: u32): void {
  const end = (<usize>steppedShareOf(size, 16, part + 1, parts)) << 2
  for (let i = (<usize>steppedShareOf(size, 16, part, parts)) << 2; i < end; i += 16) {
    const x = v128.load(gate + i)
    storeUpTo(a + i, f32x4.mul(timesSigmoid(x, sigmoid(x)), v128.load(up + i)), end - i)
  }
}

export function swigluBackward(
  dGate: usize,
  dUp: usize,
  a: usize,
  gate: usize,
  up: usize,
  da: usize,
  size: u32,
  part: u32,
  parts: u32,
): void {
  const one = f32x4.splat(1)
  const end = (<usize>steppedShareOf(size, 16, part + 1, parts)) << 2
  for (let i = (<usize>steppedShareOf(size, 16, part, parts)) << 2; i < end; i += 16) {
    const x = v128.load(gate + i)
    const u = v128.load(up + i)
    const slope = v128.load(da + i)
    const sigma = sigmoid(x)
    const silu = timesSigmoid(x, sigma)
    const steepness = f32x4.add(f32x4.mul(silu, f32x4.sub(one, sigma)), sigma)
    storeUpTo(dGate + i, f32x4.mul(f32x4.mul(slope, u), steepness), end - i)
    storeUpTo(dUp + i, f32x4.mul(slope, silu), end - i)
    storeUpTo(a + i, f32x4.mul(silu, u), end - i)
  }
}

/** As much of a vector as there is room for; what is read past the end is nobody's number. */
// @ts-ignore: decorator
@inline
function storeUpTo(to: usize, x: v128, bytes: usize): void {
  if (bytes >= 16) {
    v128.store(to, x)
    return
  }
  v128.store32_lane(to, x, 0)
  if (bytes > 4) v128.store32_lane(to + 4, x, 1)
  if (bytes > 8) v128.store32_lane(to + 8, x, 2)
}
