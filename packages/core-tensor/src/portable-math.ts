/**
 * exp, log, sin, cos and tanh from IEEE operations alone (+ − × ÷ √ and bits), so that they give the same
 * bytes on every engine and device, which `Math.exp` and its siblings need not. Errors stay below
 * one unit in the last place. They serve where bytes are decided: random numbers, exact kernels,
 * fixed-point models. Elsewhere `Math` is faster.
 */
import { NumericalError } from './errors.ts'
import { exponentOf, powerOfTwo } from './tensor/float-bits.ts'

const LN2_HIGH = 6.9314718036912381649e-1
const LN2_LOW = 1.90821492927058770002e-10

/**
 * eˣ by reduction to |r| ≤ ln 2 / 2 and a Taylor polynomial in Horner form.
 *
 * @example
 * exp(1) // => ≈ 2.718281828
 */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > 709.782712893384) return Infinity
  if (x < -745.1332191019412) return 0
  const k = Math.round(x / (LN2_HIGH + LN2_LOW))
  const high = x - k * LN2_HIGH
  const low = k * LN2_LOW
  const r = high - low
  // eʳ = 1 + r + r²·p(r); the terms above r are small, so their rounding hardly counts.
  let p = 0
  for (let i = EXP_TERMS.length - 1; i >= 0; i--) p = p * r + EXP_TERMS[i]!
  const result = 1 + (high - (low - r * r * p))
  return scaleByPowerOfTwo(result, k)
}

// Bundlers keep an unused array of quotients, and drop one of integers.
const reciprocal = (n: number): number => 1 / n

/** 1/2!, 1/3!, … 1/14! */
const EXP_TERMS: readonly number[] = /* @__PURE__ */ [
  2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600, 6227020800, 87178291200,
].map(reciprocal)

/** ln x by reduction to √½ ≤ m < √2 and the series of atanh((m − 1) / (m + 1)). */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return NaN
  if (x === 0) return -Infinity
  if (x === Infinity) return x
  let exponent = 0
  if (x < 2 ** -1022) {
    x *= 2 ** 54
    exponent = -54
  }
  const leading = exponentOf(x)
  exponent += leading
  let m = x / powerOfTwo(leading)
  if (m > Math.SQRT2) {
    m /= 2
    exponent++
  }
  const f = m - 1
  const s = f / (2 + f)
  const z = s * s
  let p = 0
  for (let i = 10; i >= 1; i--) p = p * z + 1 / (2 * i + 1)
  const tail = 2 * z * p
  // ln m = 2s + s·tail with 2s = f − s·f, which keeps f, the large and exact part, apart.
  return exponent * LN2_HIGH + (f - (s * (f - tail) - exponent * LN2_LOW))
}

/**
 * sin x for |x| ≤ 2^20.
 *
 * @throws {NumericalError} beyond, where the reduction would lose digits
 */
export function sin(x: number): number {
  if (x === 0) return x
  const { quadrant, r, rest } = reduceToQuadrant(x, 'sin')
  const value = quadrant % 2 === 0 ? sinNearZero(r, rest) : cosNearZero(r, rest)
  return quadrant < 2 ? value : -value
}

/**
 * cos x for |x| ≤ 2^20.
 *
 * @throws {NumericalError} beyond, where the reduction would lose digits
 */
export function cos(x: number): number {
  const { quadrant, r, rest } = reduceToQuadrant(x, 'cos')
  const value = quadrant % 2 === 0 ? cosNearZero(r, rest) : sinNearZero(r, rest)
  return quadrant === 0 || quadrant === 3 ? value : -value
}

// π/2 in three pieces of 33 bits, so that k times a piece is exact for k < 2^20 (Cody and Waite).
const HALF_PI_1 = 1.57079632673412561417
const HALF_PI_2 = 6.0771005063039659766e-11
const HALF_PI_3 = 2.02226624879595063154e-21

function reduceToQuadrant(x: number, where: string): { quadrant: number; r: number; rest: number } {
  if (!(Math.abs(x) <= 2 ** 20)) {
    throw new NumericalError(
      `[${where}] expected an angle of at most 2^20 radians, got ${x}; reduce it first`,
    )
  }
  const k = Math.round(x / (HALF_PI_1 + HALF_PI_2))
  const first = x - k * HALF_PI_1
  const second = k * HALF_PI_2
  const high = first - second
  const lost = first - high - second
  const third = k * HALF_PI_3 - lost
  const r = high - third
  return { quadrant: ((k % 4) + 4) % 4, r, rest: high - r - third }
}

/** sin(r + rest) for |r| ≤ π/4. */
function sinNearZero(r: number, rest: number): number {
  const z = r * r
  let p = 0
  for (let i = SIN_TERMS.length - 1; i >= 0; i--) p = p * z + SIN_TERMS[i]!
  return r + (rest * (1 - z / 2) + r * z * p)
}

/** cos(r + rest) for |r| ≤ π/4. */
function cosNearZero(r: number, rest: number): number {
  const z = r * r
  let p = 0
  for (let i = COS_TERMS.length - 1; i >= 0; i--) p = p * z + COS_TERMS[i]!
  const half = z / 2
  const head = 1 - half
  return head + (1 - head - half + (z * z * p - r * rest))
}

/** −1/3!, 1/5!, −1/7!, … */
const SIN_TERMS: readonly number[] = /* @__PURE__ */ [
  -6, 120, -5040, 362880, -39916800, 6227020800, -1307674368000, 355687428096000,
].map(reciprocal)
/** 1/4!, −1/6!, 1/8!, … */
const COS_TERMS: readonly number[] = /* @__PURE__ */ [
  24, -720, 40320, -3628800, 479001600, -87178291200, 20922789888000, -6402373705728000,
].map(reciprocal)

/**
 * tanh x: below 1 the continued fraction x / (1 + x² / (3 + x² / (5 + …))), beyond it from the exponential.
 *
 * @example
 * tanh(0.5) // => ≈ 0.4621171573
 */
export function tanh(x: number): number {
  const size = Math.abs(x)
  if (size < 1) {
    let below = 21
    for (let odd = 19; odd > 0; odd -= 2) below = odd + (x * x) / below
    return x / below
  }
  const e = exp(-2 * size)
  return (Math.sign(x) * (1 - e)) / (1 + e)
}

/** x · 2^k, in two steps where 2^k alone would leave the range. */
function scaleByPowerOfTwo(x: number, k: number): number {
  if (k > 1023) return x * 2 * powerOfTwo(k - 1)
  if (k < -1022) return x * powerOfTwo(k + 64) * powerOfTwo(-64)
  return x * powerOfTwo(k)
}
