/** eʳ for |r| ≤ ln 2 / 2 to 2e-7, by the minimax polynomial of Cephes. */
// @ts-ignore: decorator
@inline
function expPolynomial(r: v128): v128 {
  let p = f32x4.splat(1.98756915e-4)
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.39819995e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.33345191e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.16657959e-2))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.66666655e-1))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.00000012e-1))
  return f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1))
}

/** x · 2ⁿ for −300 < n < 252, in two steps because 2ⁿ itself may leave float32. */
// @ts-ignore: decorator
@inline
function timesPowerOfTwo(x: v128, n: v128): v128 {
  const half = i32x4.shr_s(n, 1)
  const bias = i32x4.splat(127)
  const first = i32x4.shl(i32x4.add(half, bias), 23)
  const second = i32x4.shl(i32x4.add(i32x4.sub(n, half), bias), 23)
  return f32x4.mul(f32x4.mul(x, first), second)
}

/** eˣ in four lanes, to 3e-7 relative; NaN stays, and what float32 cannot hold becomes 0 or infinity. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const bounded = f32x4.max(f32x4.min(x, f32x4.splat(89)), f32x4.splat(-104))
  const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(1.4426950408889634)))
  // ln 2 in two parts: the first times n is exact.
  let r = f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375)))
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)))
  return timesPowerOfTwo(expPolynomial(r), i32x4.trunc_sat_f32x4_s(n))
}

/** eˣ in four lanes where x ≤ 0, and 0 below −87: what a softmax needs. */
// @ts-ignore: decorator
@inline
export function expBelow(x: v128): v128 {
  const bounded = f32x4.max(x, f32x4.splat(-87))
  const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(1.4426950408889634)))
  let r = f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375)))
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  const tiny = f32x4.lt(x, f32x4.splat(-87))
  return v128.andnot(f32x4.mul(expPolynomial(r), power), tiny)
}

/** tanh x in four lanes: below 0.55 an odd polynomial, fitted to a relative error of 4e-8; beyond it from the exponential. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x)
  const z = f32x4.mul(x, x)
  let p = f32x4.splat(0.0164375398)
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-0.0526717901))
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(0.133207247))
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-0.333329469))
  const near = f32x4.add(x, f32x4.mul(f32x4.mul(x, z), p))
  const one = f32x4.splat(1)
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(one, exp4(f32x4.add(size, size)))))
  const sign = v128.and(x, i32x4.splat(0x80000000))
  return v128.bitselect(near, v128.or(far, sign), f32x4.lt(size, f32x4.splat(0.55)))
}

/** 2ᵗ for t in float64, two lanes of `low` and two of `high`: an argument that float32 would round too much. */
// @ts-ignore: decorator
@inline
export function powerOfTwo4(low: v128, high: v128): v128 {
  const most = f64x2.splat(130)
  const least = f64x2.splat(-151)
  const a = f64x2.max(f64x2.min(low, most), least)
  const b = f64x2.max(f64x2.min(high, most), least)
  const na = f64x2.nearest(a)
  const nb = f64x2.nearest(b)
  const ln2 = f64x2.splat(0.6931471805599453)
  const r = joined(
    f32x4.demote_f64x2_zero(f64x2.mul(f64x2.sub(a, na), ln2)),
    f32x4.demote_f64x2_zero(f64x2.mul(f64x2.sub(b, nb), ln2)),
  )
  return timesPowerOfTwo(
    expPolynomial(r),
    joined(i32x4.trunc_sat_f64x2_s_zero(na), i32x4.trunc_sat_f64x2_s_zero(nb)),
  )
}

// @ts-ignore: decorator
@inline
function joined(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

/** ln x for positive finite x, in float64 to about 1e-15: 2·artanh((m − 1)/(m + 1)) + e·ln 2. */
export function logOf(x: f32): f64 {
  let bits = reinterpret<u64>(<f64>x)
  let exponent = <i32>(bits >> 52) - 1023
  bits = (bits & 0x000fffffffffffff) | 0x3ff0000000000000
  let mantissa = reinterpret<f64>(bits)
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5
    exponent++
  }
  const t = (mantissa - 1) / (mantissa + 1)
  const square = t * t
  let sum: f64 = 0
  for (let n = 19; n > 0; n -= 2) sum = sum * square + 1 / <f64>n
  return 2 * t * sum + <f64>exponent * 0.6931471805599453
}
