import {
  affine,
  bytesOf,
  canonicalJson,
  type Device,
  type DType,
  decodeNarrow,
  encodeNarrow,
  NumericalError,
  narrowFloats,
  packedRowBytes,
  roundTiesToEven,
  sizeOf,
  Tensor,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import type { Agreement } from './agreement.ts'
import type { Grid, GroupLayout, RangeParts } from './grid.ts'
import { packedCodes } from './packed-codes.ts'

/** How a group of weights is put on its line of codes. */
export interface AffineGridOptions {
  /** Bits a code, 2 to 8; 4 by default. */
  bits?: number | undefined
  /**
   * Where a range starts: `float`, the default, at the smallest weight; `integer` moves zero to a whole code, so that 0 stays
   * exact; `middle` makes it the middle code, and the range ±max|w| (symmetric).
   */
  zero?: 'float' | 'integer' | 'middle' | undefined
  /**
   * `minMax`, the default, covers every weight; `mse` decides codes where the squared error is least among values that do not
   * shrink weights: ⟨ŵ, w⟩ = ⟨w, w⟩, where least squares alone makes a model smaller from layer to layer.
   */
  range?: 'minMax' | 'mse' | undefined
  /** What a scale (and a float zero) is stored as; float16 by default. */
  scaleType?: 'float32' | 'float16' | 'bfloat16' | undefined
}

/** A scale or an offset that its storage type cannot hold. */
export class ScaleRangeError extends NumericalError {}

const { fround } = Math

/** Where the numbers of a range stand: what a code decodes to, and where codes are decided. */
const [SCALE, ZERO, OFFSET, STEP, ORIGIN] = [0, 1, 2, 3, 4]
const WIDTH = 5

/** Ranges that the search for the least squared error tries at a time, from the full one down to a fifth. */
const SHRINKS = 40
/** Adding it to a number below 2^51 and taking it away again rounds to whole ones, ties to even. */
const ROUNDER = 1.5 * 2 ** 52
/** What a sum of squares around the mean is at least, as a part of that around 0. */
const ALL_ALIKE = 1e-9
/** How far off a stored range may be, as a part of its largest weight; normal numbers of bfloat16 stay below. */
const MAX_RANGE_ERROR = 2 ** -7

/**
 * Codes on a line: code = roundTiesToEven(fround(fround(w − origin) / step)) + zero, clamped to 0 … 2^bits − 1, and back:
 * (code − zero) · scale + offset. Origin and step are offset and scale, but for `range: 'mse'`.
 *
 * @param where  the prefix of errors
 * @param agreed  with other slices of a weight
 * @throws {NumericalError} in `fit`, when a scale is too large or too small for its storage type
 * @example
 * const grid = affineGrid({ bits: 2, scaleType: 'float32' })
 * const range = new Float32Array(grid.width)
 * grid.fit([1, 2, 3, 4], range, 0)
 * grid.code(2.9, range, 0) // => 2
 * grid.value(2, range, 0) // => 3
 */
export function affineGrid(
  options: AffineGridOptions = {},
  where = 'quantize/affine',
  { kept = [] }: Agreement = {},
): Grid {
  const { bits = 4, zero = 'float', range = 'minMax', scaleType = 'float16' } = options
  const top = 2 ** bits - 1
  const line: Line = { top, zero, scaleType, where }
  return {
    name: 'affine',
    levels: 2 ** bits,
    width: WIDTH,
    rangesFirst: false,
    fit(values, ranges, at, importance) {
      const found = new Float64Array(3)
      if (range === 'mse') leastSquares(values, line, importance, found)
      else fullRange(values, line, found)
      ranges[at + STEP] = found[SCALE]!
      ranges[at + ORIGIN] = found[OFFSET]!
      if (range === 'mse') unshrink(values, found, line)
      ranges.set(found, at)
    },
    code(x, ranges, at) {
      const step = ranges[at + STEP]!
      const quotient = step === 0 ? 0 : fround(fround(x - ranges[at + ORIGIN]!) / step)
      const code = roundTiesToEven(quotient) + ranges[at + ZERO]!
      return code < 0 ? 0 : code > top ? top : code
    },
    value(code, ranges, at) {
      return fround(fround((code - ranges[at + ZERO]!) * ranges[at + SCALE]!) + ranges[at + OFFSET]!)
    },
    store: (ranges, layout, device) => stored(ranges, layout, device, { bits, scaleType, kept }),
    encoded(codes, parts, { dims, group, axis }, device) {
      const { scale, ...rest } = parts as { scale: Tensor; zero?: Tensor; offset?: Tensor }
      return affine(
        { codes: packedCodes(codes, dims, bits, device), scale, ...rest },
        { dims, bits, group, axis },
      )
    },
    size: layout => sizeOfAffine(layout, { bits, zero, scaleType }),
  }
}

interface Line {
  readonly top: number
  readonly zero: 'float' | 'integer' | 'middle'
  readonly scaleType: 'float32' | 'float16' | 'bfloat16'
  readonly where: string
}

/** @throws {ScaleRangeError} when the storage type loses the whole range */
function fullRange(values: ArrayLike<number>, line: Line, found: Float64Array): readonly [number, number] {
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value < low) low = value
    if (value > high) high = value
  }
  if (!lineBetween(low, high, line, found)) throw lost(low, high, line)
  return [low, high]
}

/**
 * Scale, zero and offset of the line whose codes reach from `low` to `high`.
 *
 * @returns whether what is stored of them is nearly that line: float16 has no large numbers, and few small ones
 */
function lineBetween(
  low: number,
  high: number,
  { top, zero, scaleType }: Line,
  found: Float64Array,
): boolean {
  found[ZERO] = 0
  found[OFFSET] = 0
  let [exact, shift] = [0, 0]
  if (zero === 'middle') {
    exact = Math.max(-low, high, 0) / ((top - 1) / 2)
    found[ZERO] = (top + 1) / 2
  } else if (zero === 'float') {
    const offset = storedAs(Math.min(low, high), scaleType)
    exact = Math.max(0, high - offset) / top
    shift = Math.abs(offset - Math.min(low, high))
    found[OFFSET] = offset
  } else {
    exact = (Math.max(high, 0) - Math.min(low, 0)) / top
  }
  const scale = storedAs(exact, scaleType)
  found[SCALE] = scale
  if (zero === 'integer' && scale !== 0)
    found[ZERO] = Math.min(top, roundTiesToEven(-Math.min(low, 0) / scale))
  const magnitude = Math.max(Math.abs(low), Math.abs(high))
  return shift + top * Math.abs(scale - exact) <= MAX_RANGE_ERROR * magnitude
}

/** Shrinks both ends of the range together, then each end alone, to where codes tell weights apart best. */
function leastSquares(
  values: ArrayLike<number>,
  line: Line,
  importance: ArrayLike<number> | undefined,
  best: Float64Array,
): void {
  let ends = fullRange(values, line, best)
  let least = errorUnshrunk(values, best, line, importance)
  const candidate = new Float64Array(3)
  for (const [lowMoves, highMoves] of line.zero === 'middle' ? BOTH : EACH) {
    const [from, to] = ends
    for (let step = 1; step < SHRINKS; step++) {
      const cut = (0.8 * step) / SHRINKS
      const [low, high] = [from * (1 - cut * lowMoves), to * (1 - cut * highMoves)]
      if (!lineBetween(low, high, line, candidate)) continue
      const error = errorUnshrunk(values, candidate, line, importance)
      if (error >= least) continue
      least = error
      best.set(candidate)
      ends = [low, high]
    }
  }
}

const BOTH = [[1, 1]] as const
const EACH = [
  [1, 1],
  [1, 0],
  [0, 1],
] as const

/** Sums over a group of weights w and of what their codes decode to, q; around the means where a range has an offset. */
interface Moments {
  readonly ww: number
  readonly qw: number
  readonly qq: number
  readonly meanW: number
  readonly meanQ: number
}

function momentsOf(
  values: ArrayLike<number>,
  range: Float64Array,
  { top, zero }: Line,
  importance: ArrayLike<number> | undefined,
): Moments {
  const [scale, origin, offset] = range as unknown as [number, number, number]
  let [n, w, q, ww, qw, qq] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!
    const quotient = scale === 0 ? 0 : fround(fround(x - offset) / scale)
    const code = quotient + ROUNDER - ROUNDER + origin
    const value = ((code < 0 ? 0 : code > top ? top : code) - origin) * scale + offset
    const weight = importance === undefined ? 1 : importance[i]!
    n += weight
    w += weight * x
    q += weight * value
    ww += weight * x * x
    qw += weight * x * value
    qq += weight * value * value
  }
  if (zero !== 'float') return { ww, qw, qq, meanW: 0, meanQ: 0 }
  // Where all values are one, what is left around the mean is rounding.
  if (qq - (q * q) / n < ALL_ALIKE * qq) return { ww, qw: 0, qq: 0, meanW: w / n, meanQ: q / n }
  return { ww: ww - (w * w) / n, qw: qw - (q * w) / n, qq: qq - (q * q) / n, meanW: w / n, meanQ: q / n }
}

/** The squared error of codes once their values are stretched to the size of the weights: ‖w − q · ⟨w, w⟩ / ⟨q, w⟩‖². */
function errorUnshrunk(
  values: ArrayLike<number>,
  range: Float64Array,
  line: Line,
  importance: ArrayLike<number> | undefined,
): number {
  const { ww, qw, qq } = momentsOf(values, range, line, importance)
  return qw > 0 ? ww * ((ww * qq) / (qw * qw) - 1) : Infinity
}

/**
 * Leaves codes where they are decided and stretches what they decode to by ⟨w, w⟩ / ⟨q, w⟩, around the mean where a range has an
 * offset. Then ⟨ŵ, w⟩ = ⟨w, w⟩ but for the rounding of the scale.
 */
function unshrink(values: ArrayLike<number>, range: Float64Array, line: Line): void {
  const { ww, qw, meanW, meanQ } = momentsOf(values, range, line, undefined)
  const [scale, , offset] = range as unknown as [number, number, number]
  const stretched = storedAs((scale * ww) / qw, line.scaleType)
  const shifted =
    line.zero === 'float' ? storedAs(meanW - (stretched / scale) * (meanQ - offset), line.scaleType) : offset
  if (!(stretched > 0 && Number.isFinite(stretched + shifted))) return
  range[SCALE] = stretched
  range[OFFSET] = shifted
}

function stored(
  ranges: Float32Array,
  { rangeDims }: GroupLayout,
  device: Device,
  { bits, scaleType, kept }: { bits: number; scaleType: DType; kept: readonly string[] },
): RangeParts {
  const column = (at: number) =>
    Float32Array.from({ length: sizeOf(rangeDims) }, (_, g) => ranges[g * WIDTH + at]!)
  const part = (values: Float32Array, type: DType) =>
    device.upload(cast(new Tensor('float32', values, rangeDims), type))
  const [scale, zero, offset] = [column(SCALE), column(ZERO), column(OFFSET)]
  return {
    scale: part(scale, scaleType),
    ...((zero.some(Boolean) || kept.includes('zero')) && { zero: part(zero, zeroType(bits)) }),
    ...((offset.some(Boolean) || kept.includes('offset')) && { offset: part(offset, scaleType) }),
  }
}

const zeroType = (bits: number): DType => (bits <= 4 ? 'uint4' : 'uint8')

/** A zero or an offset that is 0 in every group is left out, so that only ranges around the middle have a size of their own. */
function sizeOfAffine(
  { dims, group, axis, rangeDims }: GroupLayout,
  { bits, zero, scaleType }: { bits: number; zero: string; scaleType: DType },
): { bytes: number; exact: boolean } {
  const groups = sizeOf(rangeDims)
  const columns = dims.at(-1)!
  const codes = columns === 0 ? 0 : (sizeOf(dims) / columns) * packedRowBytes(columns, bits)
  const numbers =
    bytesOf(scaleType, groups) +
    (zero === 'float' ? bytesOf(scaleType, groups) : bytesOf(zeroType(bits), groups))
  return {
    bytes: codes + numbers + canonicalJson({ bits, group, axis }).length,
    exact: zero === 'middle' || groups === 0,
  }
}

function storedAs(x: number, type: Line['scaleType']): number {
  const exact = fround(x)
  return type === 'float32'
    ? exact
    : decodeNarrow(encodeNarrow(exact, narrowFloats[type]), narrowFloats[type])
}

function lost(low: number, high: number, { scaleType, where }: Line): ScaleRangeError {
  const use = scaleType === 'float32' ? 'scale the weights' : "use scaleType 'float32'"
  return new ScaleRangeError(
    `[${where}] expected weights whose scales fit ${scaleType}, got a group from ${low} to ${high}; ${use}`,
  )
}
