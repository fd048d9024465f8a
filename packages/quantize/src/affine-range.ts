import { encodeNarrow, decodeNarrow, narrowFloats, NumericalError, roundTiesToEven } from '@tersor/core-tensor'

/** How a group of weights is put on its line of codes. */
export interface AffineRangeOptions {
  /** Bits a code, 2 to 8. */
  bits: number
  /** Zero is the middle code, and the range ±max|w|; false by default: the range is [min, max] and zero moves. */
  symmetric?: boolean
  /**
   * Where an asymmetric range starts: `integer`, the default, moves zero to a whole code, so that 0 stays
   * exact; `float` starts at the smallest weight, for numbers that keep away from 0.
   */
  zero?: 'integer' | 'float'
  /** `minMax`, the default, covers every weight; `mse` shrinks the range to the least squared error. */
  range?: 'minMax' | 'mse'
  /** What a scale (and a float zero) is stored as; float16 by default. */
  scaleType?: 'float32' | 'float16' | 'bfloat16'
}

/** The line of one group: value = (code − zero) · scale + offset. */
export interface AffineRange {
  readonly scale: number
  readonly zero: number
  readonly offset: number
}

const { fround } = Math

/** Ranges that the search for the least squared error tries, from the full one down to a fifth. */
const SHRINKS = 40

/**
 * The code of a value: roundTiesToEven(fround(fround(x − offset) / scale)) + zero, clamped; `zero`
 * where the scale is 0. The same arithmetic as the `quantizeAffine` kernel.
 */
export function affineCode(x: number, { scale, zero, offset }: AffineRange, bits: number): number {
  const quotient = scale === 0 ? 0 : fround(fround(x - offset) / scale)
  const code = roundTiesToEven(quotient) + zero
  const top = 2 ** bits - 1
  return code < 0 ? 0 : code > top ? top : code
}

/** What a code decodes to, in float32. */
export function affineValue(code: number, { scale, zero, offset }: AffineRange): number {
  return fround(fround((code - zero) * scale) + offset)
}

/**
 * The range of one group of weights.
 *
 * @throws {NumericalError} when a weight is not finite, or a scale leaves its storage type
 */
export function affineRange(values: ArrayLike<number>, options: AffineRangeOptions, where: string): AffineRange {
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) throw new NumericalError(`[${where}] expected finite weights, got ${value}; repair the tensor first`)
    if (value < low) low = value
    if (value > high) high = value
  }
  const full = rangeOf(low, high, options, where)
  if (options.range !== 'mse') return full
  let best = full
  let least = squaredError(values, full, options.bits)
  for (let step = 1; step < SHRINKS; step++) {
    const shrink = 1 - (0.8 * step) / SHRINKS
    const candidate = rangeOf(low * shrink, high * shrink, options, where)
    const error = squaredError(values, candidate, options.bits)
    if (error < least) {
      least = error
      best = candidate
    }
  }
  return best
}

function rangeOf(low: number, high: number, options: AffineRangeOptions, where: string): AffineRange {
  const { bits, symmetric = false, zero = 'integer', scaleType = 'float16' } = options
  const stored = (x: number) => storedAs(fround(x), scaleType, where)
  if (symmetric) {
    const scale = stored(Math.max(-low, high, 0) / (2 ** (bits - 1) - 1))
    return { scale, zero: 2 ** (bits - 1), offset: 0 }
  }
  const top = 2 ** bits - 1
  if (zero === 'float') {
    const offset = stored(Math.min(low, high))
    return { scale: stored(Math.max(0, high - offset) / top), zero: 0, offset }
  }
  const from = Math.min(low, 0)
  const scale = stored((Math.max(high, 0) - from) / top)
  const origin = scale === 0 ? 0 : Math.min(top, roundTiesToEven(-from / scale))
  return { scale, zero: origin, offset: 0 }
}

function squaredError(values: ArrayLike<number>, range: AffineRange, bits: number): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const error = values[i]! - affineValue(affineCode(values[i]!, range, bits), range)
    sum += error * error
  }
  return sum
}

function storedAs(x: number, type: 'float32' | 'float16' | 'bfloat16', where: string): number {
  const stored = type === 'float32' ? x : decodeNarrow(encodeNarrow(x, narrowFloats[type]), narrowFloats[type])
  if (!Number.isFinite(stored)) {
    throw new NumericalError(`[${where}] a scale of ${x} does not fit ${type}; use scaleType 'float32' or 'bfloat16'`)
  }
  return stored
}
