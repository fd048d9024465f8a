import { exp4, powerOfTwo4, tanh4 } from './exponential'
import { shareOf, steppedShareOf } from '../share'

/** −2·√(2/π)·log₂e: gelu in its tanh form is x·σ(t) with 2^(this · (x + 0.044715·x³)) = e⁻ᵗ. */
const GELU_TANH: f64 = -2.302208198144325
/** −½·log₂e: 2^(this · x²) = exp(−x²/2). */
const HALF_SQUARE: f64 = -0.7213475204444817

// @ts-ignore: decorator
@inline
function applyUnary(op: i32, x: v128): v128 {
  if (op == 0) return f32x4.neg(x)
  if (op == 1) return exp4(x)
  if (op == 4) return f32x4.sqrt(x)
  if (op == 5) return f32x4.abs(x)
  if (op == 6) return gelu4(x)
  if (op == 7) return tanh4(x)
  if (op == 9) return f32x4.max(x, f32x4.splat(0))
  // x·σ(t) with e = exp(−|t|): x / (1 + e) where t ≥ 0, x·e / (1 + e) below. Nothing overflows on the way.
  let e: v128
  if (op == 2 || op == 8) e = exp4(f32x4.neg(f32x4.abs(x)))
  else {
    e = powerOfTwo4(geluExponent(x), geluExponent(upperHalf(x)))
  }
  if (op == 8) {
    const one = f32x4.splat(1)
    return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e))
  }
  const numerator = v128.bitselect(f32x4.mul(x, e), x, f32x4.lt(x, f32x4.splat(0)))
  const y = f32x4.div(numerator, f32x4.add(f32x4.splat(1), e))
  // At −∞ that multiplies it by 0; the limit of both is −0.
  return v128.bitselect(f32x4.splat(-0.0), y, f32x4.eq(x, f32x4.splat(-f32.POSITIVE_INFINITY)))
}

// @ts-ignore: decorator
@inline
function upperHalf(x: v128): v128 {
  return i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
}

/**
 * x·Φ(x), where 1 − Φ(t) = exp(−t²/2) · u·p(u), u = 1 / (1 + 0.275 t), for t ≥ 0: a polynomial fitted to a relative
 * error of 4e-8 up to t = 14.5.
 */
function gelu4(x: v128): v128 {
  const e = powerOfTwo4(halfSquareExponent(x), halfSquareExponent(upperHalf(x)))
  const one = f32x4.splat(1)
  const u = f32x4.div(one, f32x4.add(f32x4.mul(f32x4.abs(x), f32x4.splat(0.275)), one))
  let p = f32x4.splat(0.0264066588)
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(-0.10679964))
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.121824622))
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(-0.025263641))
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.0809596553))
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.0820094794))
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.101391748))
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.109767035))
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.1097041))
  const tail = f32x4.mul(e, f32x4.mul(p, u))
  const y = f32x4.mul(x, v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0))))
  // At −∞ that multiplies it by 0; the limit is −0.
  return v128.bitselect(f32x4.splat(-0.0), y, f32x4.eq(x, f32x4.splat(-f32.POSITIVE_INFINITY)))
}

/** −x²/2 in octaves, in float64, because its error is a relative one of the result. */
// @ts-ignore: decorator
@inline
function halfSquareExponent(x: v128): v128 {
  const wide = f64x2.promote_low_f32x4(x)
  return f64x2.mul(f64x2.mul(wide, wide), f64x2.splat(HALF_SQUARE))
}

/** −|t| of gelu in octaves; t is odd in x. */
// @ts-ignore: decorator
@inline
function geluExponent(x: v128): v128 {
  const wide = f64x2.promote_low_f32x4(f32x4.abs(x))
  const cube = f64x2.mul(f64x2.mul(wide, wide), wide)
  return f64x2.mul(f64x2.add(wide, f64x2.mul(cube, f64x2.splat(0.044715))), f64x2.splat(GELU_TANH))
}

// @ts-ignore: decorator
@inline
function unaryLoop(op: i32, y: usize, x: usize, size: u32): void {
  const whole = y + ((<usize>size >> 2) << 4)
  for (; y < whole; y += 16, x += 16) v128.store(y, applyUnary(op, v128.load(x)))
  for (let i: u32 = 0; i < (size & 3); i++) {
    f32.store(y + (i << 2), f32x4.extract_lane(applyUnary(op, v128.load32_splat(x + (i << 2))), 0))
  }
}

export function unary(y: usize, x: usize, op: i32, size: u32, part: u32, parts: u32): void {
  const start = steppedShareOf(size, 16, part, parts)
  const count = steppedShareOf(size, 16, part + 1, parts) - start
  y += <usize>start << 2
  x += <usize>start << 2
  if (op == 0) unaryLoop(0, y, x, count)
  else if (op == 1) unaryLoop(1, y, x, count)
  else if (op == 2) unaryLoop(2, y, x, count)
  else if (op == 3) unaryLoop(3, y, x, count)
  else if (op == 4) unaryLoop(4, y, x, count)
  else if (op == 5) unaryLoop(5, y, x, count)
  else if (op == 6) unaryLoop(6, y, x, count)
  else if (op == 7) unaryLoop(7, y, x, count)
  else if (op == 8) unaryLoop(8, y, x, count)
  else unaryLoop(9, y, x, count)
}

// @ts-ignore: decorator
@inline
function applyBinary(op: i32, a: v128, b: v128): v128 {
  if (op == 0) return f32x4.add(a, b)
  if (op == 1) return f32x4.sub(a, b)
  if (op == 2) return f32x4.mul(a, b)
  if (op == 3) return f32x4.div(a, b)
  return f32x4.max(a, b)
}

// @ts-ignore: decorator
@inline
function binaryRow(op: i32, y: usize, a: usize, b: usize, count: u32, aStep: usize, bStep: usize): void {
  const whole = y + ((<usize>count >> 2) << 4)
  if (aStep != 0 && bStep != 0) {
    for (; y < whole; y += 16, a += 16, b += 16) v128.store(y, applyBinary(op, v128.load(a), v128.load(b)))
  } else if (aStep != 0) {
    const right = v128.load32_splat(b)
    for (; y < whole; y += 16, a += 16) v128.store(y, applyBinary(op, v128.load(a), right))
  } else {
    const left = v128.load32_splat(a)
    for (; y < whole; y += 16, b += bStep << 2) {
      v128.store(y, applyBinary(op, left, bStep != 0 ? v128.load(b) : v128.load32_splat(b)))
    }
  }
  for (let i: u32 = 0; i < (count & 3); i++) {
    const one = applyBinary(op, v128.load32_splat(a), v128.load32_splat(b))
    f32.store(y, f32x4.extract_lane(one, 0))
    y += 4
    a += aStep
    b += bStep
  }
}

export function binary(
  y: usize,
  a: usize,
  b: usize,
  op: i32,
  outer: u32,
  inner: u32,
  aOuter: u32,
  aInner: u32,
  bOuter: u32,
  bInner: u32,
  part: u32,
  parts: u32,
): void {
  let first: u32 = 0
  let last = outer
  let start: u32 = 0
  let count = inner
  if (outer >= parts) {
    first = shareOf(outer, part, parts)
    last = shareOf(outer, part + 1, parts)
  } else {
    start = steppedShareOf(inner, 16, part, parts)
    count = steppedShareOf(inner, 16, part + 1, parts) - start
  }
  const aStep = <usize>aInner << 2
  const bStep = <usize>bInner << 2
  for (let o = first; o < last; o++) {
    const to = y + (<usize>(o * inner + start) << 2)
    const left = a + (<usize>(o * aOuter + start * aInner) << 2)
    const right = b + (<usize>(o * bOuter + start * bInner) << 2)
    if (op == 0) binaryRow(0, to, left, right, count, aStep, bStep)
    else if (op == 1) binaryRow(1, to, left, right, count, aStep, bStep)
    else if (op == 2) binaryRow(2, to, left, right, count, aStep, bStep)
    else if (op == 3) binaryRow(3, to, left, right, count, aStep, bStep)
    else binaryRow(4, to, left, right, count, aStep, bStep)
  }
}
