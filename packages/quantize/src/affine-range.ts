import {
  decodeNarrow,
  encodeNarrow,
  NumericalError,
  narrowFloats,
  roundTiesToEven,
} from '@tersor/core-tensor'

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

/** Ranges that the search for the least squared error tries at a time, from the full one down to a fifth. */
const SHRINKS = 40
/** Adding it to a number below 2^51 and taking it away again rounds to whole ones, ties to even. */
const ROUNDER = 1.5 * 2 ** 52

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
 * The search for the least squared error shrinks both ends together, then each end alone.
 *
 * @param importance  how much the error of each weight counts in that search; all alike without
 * @throws {NumericalError} when a weight is not finite, or a scale leaves its storage type
 */
export function affineRange(
  values: ArrayLike<number>,
  options: AffineRangeOptions,
  where: string,
  importance?: ArrayLike<number>,
): AffineRange {
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value))
      throw new NumericalError(`[${where}] expected finite weights, got ${value}; repair the tensor first`)
    if (value < low) low = value
    if (value > high) high = value
  }
  let best = rangeOf(low, high, options, where)
  if (options.range !== 'mse') return best
  let least = squaredError(values, best, options.bits, importance, Infinity)
  let ends: readonly [low: number, high: number] = [low, high]
  const sides = options.symmetric
    ? [[1, 1]]
    : [
        [1, 1],
        [1, 0],
        [0, 1],
      ]
  for (const [lowMoves, highMoves] of sides as [number, number][]) {
    const [from, to] = ends
    for (let step = 1; step < SHRINKS; step++) {
      const cut = (0.8 * step) / SHRINKS
      const candidate = [from * (1 - cut * lowMoves), to * (1 - cut * highMoves)] as const
      const range = rangeOf(...candidate, options, where)
      const error = squaredError(values, range, options.bits, importance, least)
      if (error >= least) continue
      least = error
      best = range
      ends = candidate
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

/**
 * The squared error of `affineValue(affineCode(x))`, written out: it is asked for a hundred times a group.
 *
 * @returns the error where it is below `least`, else anything from `least` on
 */
function squaredError(
  values: ArrayLike<number>,
  { scale, zero, offset }: AffineRange,
  bits: number,
  importance: ArrayLike<number> | undefined,
  least: number,
): number {
  const top = 2 ** bits - 1
  let sum = 0
  for (let i = 0; i < values.length && sum < least; i++) {
    const x = values[i]!
    const quotient = scale === 0 ? 0 : fround(fround(x - offset) / scale)
    const code = quotient + ROUNDER - ROUNDER + zero
    const kept = code < 0 ? 0 : code > top ? top : code
    const error = x - fround(fround((kept - zero) * scale) + offset)
    sum += importance === undefined ? error * error : error * error * importance[i]!
  }
  return sum
}

function storedAs(x: number, type: 'float32' | 'float16' | 'bfloat16', where: string): number {
  const stored =
    type === 'float32' ? x : decodeNarrow(encodeNarrow(x, narrowFloats[type]), narrowFloats[type])
  if (!Number.isFinite(stored)) {
    throw new NumericalError(
      `[${where}] a scale of ${x} does not fit ${type}; use scaleType 'float32' or 'bfloat16'`,
    )
  }
  return stored
}
