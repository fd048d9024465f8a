import { exponentOf, powerOfTwo } from './float-bits.ts'

/** A binary floating-point format of at most 16 bits. */
export interface NarrowFloat {
  readonly exponentBits: number
  readonly mantissaBits: number
  /** e4m3fn gives its top exponent to finite values and has one NaN pattern per sign and no infinity. */
  readonly infinities: boolean
  /** Whether values beyond the largest finite one become it (the 8-bit formats, as ONNX does) or infinity. */
  readonly saturates: boolean
}

/** The narrow formats that tensors come in, by dtype. */
export const narrowFloats = {
  float16: { exponentBits: 5, mantissaBits: 10, infinities: true, saturates: false },
  bfloat16: { exponentBits: 8, mantissaBits: 7, infinities: true, saturates: false },
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, infinities: false, saturates: true },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, infinities: true, saturates: true },
} as const satisfies Record<string, NarrowFloat>

/**
 * The bits of the value of a format nearest to `x`, ties to even; one rounding, also from float64.
 *
 * @param saturate  the format's own rule unless given: beyond the largest finite value stay there
 *   (infinity too), instead of becoming infinity, or NaN in a format without infinities
 * @example
 * encodeNarrow(1, narrowFloats.float16).toString(16) // => '3c00'
 * encodeNarrow(1000, narrowFloats.float8e4m3fn) // => 126
 */
export function encodeNarrow(x: number, format: NarrowFloat, saturate: boolean = format.saturates): number {
  const { exponentBits, mantissaBits, infinities } = format
  const signBit = 1 << (exponentBits + mantissaBits)
  const allOnes = signBit - 1
  const infinity = ((1 << exponentBits) - 1) << mantissaBits
  const nan = infinities ? infinity | (1 << (mantissaBits - 1)) : allOnes
  if (Number.isNaN(x)) return nan

  const sign = x < 0 || Object.is(x, -0) ? signBit : 0
  const largest = infinities ? infinity - 1 : allOnes - 1
  const beyond = sign | (saturate ? largest : infinities ? infinity : nan)
  const magnitude = Math.abs(x)
  if (magnitude === Infinity) return beyond

  const bias = (1 << (exponentBits - 1)) - 1
  const exponent = Math.max(exponentOf(magnitude), 1 - bias)
  // An exact division by a power of two, then the only rounding: `units` counts steps of this binade.
  const units = roundTiesToEven(magnitude / powerOfTwo(exponent - mantissaBits))
  // A carry out of the mantissa runs into the exponent, which is what the next binade needs.
  const bits = ((exponent + bias - 1) << mantissaBits) + units
  return bits > largest ? beyond : sign | bits
}

/**
 * The value of the bits of a narrow format.
 *
 * @example
 * decodeNarrow(126, narrowFloats.float8e4m3fn) // => 448
 */
export function decodeNarrow(bits: number, format: NarrowFloat): number {
  const { exponentBits, mantissaBits, infinities } = format
  const sign = bits >> (exponentBits + mantissaBits) === 0 ? 1 : -1
  const mantissa = bits & ((1 << mantissaBits) - 1)
  const field = (bits >> mantissaBits) & ((1 << exponentBits) - 1)
  const top = (1 << exponentBits) - 1
  const bias = (1 << (exponentBits - 1)) - 1
  if (field === top) {
    if (infinities) return mantissa === 0 ? sign * Infinity : NaN
    if (mantissa === (1 << mantissaBits) - 1) return NaN
  }
  const units = field === 0 ? mantissa : mantissa + (1 << mantissaBits)
  return sign * units * powerOfTwo(Math.max(field, 1) - bias - mantissaBits)
}

/**
 * Rounds to the nearest integer, ties to even; exact for every number.
 *
 * @example
 * roundTiesToEven(2.5) // => 2
 */
export function roundTiesToEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  if (rest < 0.5) return down
  if (rest > 0.5) return down + 1
  return down % 2 === 0 ? down : down + 1
}
