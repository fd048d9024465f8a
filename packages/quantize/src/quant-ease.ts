import {
  affine,
  affineEncoding,
  asTensor,
  type DType,
  decode,
  type Encoded,
  isEncoded,
  type JobOptions,
  NumericalError,
  requireHost,
  ShapeError,
  sameDims,
  Tensor,
  type TensorLike,
  toFloat32,
  toFloat64,
  UnsupportedError,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { type AffineRange, affineCode, affineValue } from './affine-range.ts'
import { packedCodes } from './packed-codes.ts'

export interface QuantEaseOptions extends JobOptions {
  /** Passes over all columns, 4 by default. */
  sweeps?: number
  /** Fits every group's scale and offset again between passes; true by default. */
  refit?: boolean
}

const WHERE = 'quantize/quant-ease'

/**
 * Improves affine codes by coordinate descent on the output error (QuantEase: Behdin et al., 2023,
 * arXiv:2309.01885), in the format and bytes that they are in.
 *
 * Use it after {@link gptq}, which decides each column once, or after {@link quantizeAffine}. With
 * D = W − Ŵ and R = D·H, H = XᵀX, each sweep visits every column j, holding the others:
 *
 *     ŵ_j ← round(ŵ_j + R_j / H_jj),  R ← R − Δŵ_j · H_j
 *
 * and then fits each group's scale, and its offset if it has one, by least squares. tr(D·H·Dᵀ) never rises. A sweep takes
 * out · in² operations, as much as GPTQ itself.
 *
 * @param weight  (out, in) what the codes should stand for
 * @param start  an `affine` encoding of it in groups along the last axis, with plain scales
 * @param gram  (in, in) XᵀX of the layer's inputs
 * @returns `affine` with other codes and scales, and the same layout
 * @throws {UnsupportedError} when `start` is laid out in another way
 * @throws {ShapeError} when the shapes do not fit
 * @example
 * const weight = new Tensor('float32', [0.9, 1.1, -0.4, 0.3], [1, 4])
 * const gram = new Tensor('float64', [2, 1, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4])
 * const small = await quantEase(weight, quantizeAffine(weight, { bits: 2, groupSize: 4 }), gram)
 * small.dims // => [1, 4]
 */
export async function quantEase(
  weight: TensorLike,
  start: Encoded,
  gram: TensorLike,
  options: QuantEaseOptions = {},
): Promise<Encoded> {
  const { sweeps = 4, refit = true, signal, onProgress } = options
  const tensor = asTensor(weight)
  requireHost(tensor, WHERE)
  requireHost(asTensor(gram), WHERE)
  const [rows, columns] = tensor.dims as [number, number]
  if (
    tensor.dims.length !== 2 ||
    !sameDims(tensor.dims, start.dims) ||
    !sameDims(gram.dims, [columns, columns])
  ) {
    throw new ShapeError(
      `[${WHERE}] expected a weight (out, in), its encoding and a Gram matrix (in, in), got [${tensor.dims}], [${start.dims}] and [${gram.dims}]`,
    )
  }
  const { bits, group, scaleType, scale, zero, offset } = layoutOf(start)
  const hessian = toFloat64(gram)
  if (!hessian.every(Number.isFinite)) throw new NumericalError(`[${WHERE}] expected a finite Gram matrix`)
  const target = toFloat32(tensor)
  const begin = toFloat32(decode(start))
  const groups = Math.ceil(columns / group)
  const codes = new Uint8Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const ranges = Array.from({ length: groups }, (_, g) => ({
      scale: scale[row * groups + g]!,
      zero: zero[row * groups + g]!,
      offset: offset[row * groups + g]!,
    }))
    const state = new RowState(
      target.subarray(row * columns, (row + 1) * columns),
      begin.subarray(row * columns, (row + 1) * columns),
      hessian,
      ranges,
      group,
      bits,
    )
    for (let sweep = 0; sweep < sweeps; sweep++) {
      state.roundColumns()
      if (refit && sweep + 1 < sweeps) state.refit(scaleType, start.parts.offset !== undefined)
    }
    ranges.forEach((range, g) => {
      scale[row * groups + g] = range.scale
      offset[row * groups + g] = range.offset
    })
    codes.set(state.codes, row * columns)
    if (row % 64 === 63 || row + 1 === rows) {
      signal?.throwIfAborted()
      onProgress?.(row + 1, rows)
      await new Promise(resolve => setTimeout(resolve))
    }
  }
  const { device } = tensor
  const stored = (values: Float32Array) =>
    device.upload(cast(new Tensor('float32', values, [rows, groups]), scaleType))
  const parts = { ...start.parts, codes: packedCodes(codes, rows, bits, device), scale: stored(scale) }
  return affine(start.parts.offset === undefined ? parts : { ...parts, offset: stored(offset) }, {
    dims: start.dims,
    bits,
    group,
    axis: 1,
  })
}

/** One row of the weight on its way: w, ŵ and R = (w − ŵ)·H. */
class RowState {
  readonly codes: Uint8Array
  readonly #values: Float64Array
  readonly #residual: Float64Array
  readonly #hessian: Float64Array
  readonly #ranges: { scale: number; zero: number; offset: number }[]
  readonly #group: number
  readonly #bits: number

  constructor(
    target: Float32Array,
    begin: Float32Array,
    hessian: Float64Array,
    ranges: { scale: number; zero: number; offset: number }[],
    group: number,
    bits: number,
  ) {
    const columns = target.length
    this.#values = Float64Array.from(begin)
    this.#hessian = hessian
    this.#ranges = ranges
    this.#group = group
    this.#bits = bits
    this.codes = Uint8Array.from(begin, (value, j) => affineCode(value, this.#range(j), bits))
    this.#residual = new Float64Array(columns)
    for (let k = 0; k < columns; k++) {
      const difference = target[k]! - begin[k]!
      if (difference !== 0) this.#addToResidual(k, difference)
    }
  }

  /** Gives every column its best code while the others are held. */
  roundColumns(): void {
    const columns = this.#values.length
    for (let j = 0; j < columns; j++) {
      const curvature = this.#hessian[j * columns + j]!
      // A column that never saw an input keeps its nearest code.
      if (curvature <= 0) continue
      const range = this.#range(j)
      const code = affineCode(this.#values[j]! + this.#residual[j]! / curvature, range, this.#bits)
      this.codes[j] = code
      this.#move(j, affineValue(code, range))
    }
  }

  /**
   * Moves every scale, and every offset where there are any, to where tr(D·H·Dᵀ) is least for the
   * codes as they are, rounded as they are stored.
   */
  refit(storage: DType, offsets: boolean): void {
    const columns = this.#values.length
    this.#ranges.forEach((range, g) => {
      const [from, to] = [g * this.#group, Math.min(columns, (g + 1) * this.#group)]
      // With ŵ = u·s + o for u = code − zero: the slopes and curvatures along s and o.
      const fit = { slopeS: 0, slopeO: 0, ss: 0, so: 0, oo: 0 }
      for (let j = from; j < to; j++) {
        const u = this.codes[j]! - range.zero
        fit.slopeS += u * this.#residual[j]!
        fit.slopeO += this.#residual[j]!
        for (let k = from; k < to; k++) {
          const h = this.#hessian[j * columns + k]!
          fit.ss += u * h * (this.codes[k]! - range.zero)
          fit.so += u * h
          fit.oo += h
        }
      }
      const determinant = fit.ss * fit.oo - fit.so * fit.so
      const both = offsets && determinant > 1e-9 * fit.ss * fit.oo
      if (!(fit.ss > 0)) return
      const wanted = both
        ? {
            scale: (fit.slopeS * fit.oo - fit.slopeO * fit.so) / determinant,
            offset: (fit.slopeO * fit.ss - fit.slopeS * fit.so) / determinant,
          }
        : { scale: fit.slopeS / fit.ss, offset: 0 }
      const scale = rounded(range.scale + wanted.scale, storage)
      const offset = both ? rounded(range.offset + wanted.offset, storage) : range.offset
      const [s, o] = [scale - range.scale, offset - range.offset]
      const gain =
        2 * (s * fit.slopeS + o * fit.slopeO) - (s * s * fit.ss + 2 * s * o * fit.so + o * o * fit.oo)
      // Rounding may eat the gain; then the range stays as it is.
      if (!(scale > 0 && gain > 0) || !Number.isFinite(scale + offset)) return
      range.scale = scale
      range.offset = offset
      for (let j = from; j < to; j++) this.#move(j, affineValue(this.codes[j]!, range))
    })
  }

  #range(j: number): AffineRange {
    return this.#ranges[Math.floor(j / this.#group)]!
  }

  #move(j: number, value: number): void {
    const change = value - this.#values[j]!
    if (change === 0) return
    this.#values[j] = value
    this.#addToResidual(j, -change)
  }

  #addToResidual(k: number, difference: number): void {
    const columns = this.#residual.length
    for (let j = 0; j < columns; j++) this.#residual[j]! += difference * this.#hessian[k * columns + j]!
  }
}

/** A number as a storage type holds it. */
function rounded(x: number, storage: DType): number {
  return toFloat32(cast(new Tensor('float32', [x], [1]), storage))[0]!
}

interface Layout {
  bits: number
  group: number
  scaleType: DType
  scale: Float32Array
  zero: Float32Array
  offset: Float32Array
}

/** The numbers of an affine encoding with a plain scale for every group of every row. */
function layoutOf(start: Encoded): Layout {
  const { bits, group, axis } = start.meta as { bits: number; group: number; axis: number }
  const { scale, zero, offset } = start.parts
  const fits =
    start.encoding === affineEncoding &&
    axis === 1 &&
    scale !== undefined &&
    !isEncoded(scale) &&
    scale.dims[0] === start.dims[0]
  if (!fits || (offset !== undefined && isEncoded(offset))) {
    throw new UnsupportedError(
      `[${WHERE}] expected an affine encoding in groups along the last axis with plain scales, got '${start.encoding.kind}'; start from quantizeAffine or gptq`,
    )
  }
  const plain = scale as Tensor
  const numbers = (part: Tensor | Encoded | undefined) =>
    part === undefined ? new Float32Array(plain.size) : Float32Array.from(toFloat32(part as Tensor))
  return {
    bits,
    group,
    scaleType: plain.type,
    scale: numbers(plain),
    zero: numbers(zero),
    offset: numbers(offset),
  }
}
