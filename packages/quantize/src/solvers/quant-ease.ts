import {
  type DType,
  decode,
  type Encoded,
  type JobOptions,
  NumericalError,
  type OptionTable,
  optionsOf,
  pace,
  ShapeError,
  sameDims,
  Tensor,
  type TensorLike,
  toFloat32,
  toFloat64,
  UnsupportedError,
  type WeightMethod,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { coordinatesOf } from '../coordinates.ts'
import { requireFinite } from '../grids/fit-groups.ts'
import { gridKinds } from '../grids/grid-kinds.ts'
import { type StoredGrid, storedGrid } from '../grids/stored-grid.ts'
import { ownFloats, plainWeight } from '../plain-weight.ts'

export interface QuantEaseOptions extends JobOptions {
  /** Passes over all columns, 4 by default. */
  sweeps?: number | undefined
  /** Fits every group's scale and offset again between passes, where they are plain numbers; true by default. */
  refit?: boolean | undefined
  /** Named in errors. */
  name?: string | undefined
}

const options = {
  sweeps: { is: 'whole', min: 0, max: 1000, default: 4, help: 'passes over all columns' },
  refit: { is: 'flag', default: true, help: 'fits scales again between passes' },
} as const satisfies OptionTable<QuantEaseOptions>

/** Rows between looks at the clock. */
const ROWS_A_STEP = 8

/**
 * Improves codes by coordinate descent on the output error (QuantEase: Behdin et al., 2023,
 * arXiv:2309.01885), in the format and bytes that they are in.
 *
 * Use it after {@link gptq}, which decides each column once, or after {@link rtn}, on any grid of theirs. With
 * D = W − Ŵ and R = D·H, H = XᵀX, each sweep visits every column j, holding the others:
 *
 *     ŵ_j ← round(ŵ_j + R_j / H_jj),  R ← R − Δŵ_j · H_j
 *
 * and then fits each group's scale, and its offset if it has one, by least squares. tr(D·H·Dᵀ) never rises. A sweep takes
 * out · in² operations, as much as GPTQ itself.
 *
 * @param weight  (out, in) what the codes should stand for
 * @param start  what rtn, nf4, mxfp4, float8 or gptq made of it, in groups along the last axis
 * @param gram  (in, in) XᵀX of the layer's inputs
 * @returns the same encoding with other codes, and other scales where they are plain
 * @throws {UnsupportedError} when `start` is laid out in another way
 * @throws {ShapeError} when the shapes do not fit
 * @example
 * const weight = new Tensor('float32', [0.9, 1.1, -0.4, 0.3], [1, 4])
 * const gram = new Tensor('float64', [2, 1, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4])
 * const small = await quantEase(weight, rtn(weight, { bits: 2, groupSize: 4 }), gram)
 * small.dims // => [1, 4]
 */
export async function quantEase(
  weight: TensorLike | Tensor | Encoded,
  start: Encoded,
  gram: TensorLike,
  given: QuantEaseOptions = {},
): Promise<Encoded> {
  const where = `quantize/quant-ease ${given.name ?? 'weight'}`
  const { sweeps, refit } = optionsOf<QuantEaseOptions>(options, given, where)
  const tensor = plainWeight(weight, where)
  const statistics = plainWeight(gram, where)
  if (typeof start !== 'object' || start === null || !('encoding' in start)) {
    throw new UnsupportedError(
      `[${where}] expected codes to start from, got a tensor; give it what rtn or gptq made of the weight`,
    )
  }
  const [rows, columns] = tensor.dims as [number, number]
  if (
    tensor.dims.length !== 2 ||
    !sameDims(tensor.dims, start.dims) ||
    !sameDims(statistics.dims, [columns, columns])
  ) {
    throw new ShapeError(
      `[${where}] expected a weight (out, in), its encoding and a Gram matrix (in, in), got [${tensor.dims}], [${start.dims}] and [${statistics.dims}]`,
    )
  }
  const coordinates = coordinatesOf(start)
  if (coordinates !== undefined) {
    const base = coordinates.base as Encoded
    const improved = await quantEase(coordinates.rotated(tensor), base, coordinates.gram(statistics), given)
    return coordinates.with(improved)
  }
  const grid = storedGrid(start, where)
  const hessian = Float64Array.from(toFloat64(statistics))
  if (!hessian.every(Number.isFinite)) throw new NumericalError(`[${where}] expected a finite Gram matrix`)
  const target = ownFloats(tensor)
  requireFinite(target, where)
  const begin = ownFloats(decode(start))
  const codes = new Uint8Array(rows * columns)
  const step = pace(given, Math.ceil(rows / ROWS_A_STEP))
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (row + 1) * columns]
    const state = new RowState(target.subarray(from, to), begin.subarray(from, to), hessian, grid, row)
    for (let sweep = 0; sweep < sweeps; sweep++) {
      state.roundColumns()
      if (refit && sweep + 1 < sweeps) state.refit()
    }
    codes.set(state.codes, from)
    if (row % ROWS_A_STEP === ROWS_A_STEP - 1 || row + 1 === rows) await step()
  }
  return grid.encoded(codes)
}

/** {@link quantEase} for jobs, after a step that rounds. */
export const quantEaseMethod: WeightMethod<QuantEaseOptions> = /* @__PURE__ */ Object.freeze({
  name: 'quant-ease',
  version: 1,
  summary: 'improves the codes of the step before; needs text to calibrate with',
  needs: ['gram', 'start'],
  kinds: gridKinds,
  options,
  plan: ({ dims }, _, start) => {
    const [rows = 0, columns = 0] = dims
    const bytes = start?.bytes ?? 4 * rows * columns
    const peak = bytes + 8 * columns * columns + 20 * rows * columns
    return { bytes, exact: start?.exact ?? false, peak, around: start?.around }
  },
  apply: (weight, filled, { name, original, statistics, signal, onProgress }) =>
    quantEase(original, weight as Encoded, statistics.gram!, { ...filled, name, signal, onProgress }),
} satisfies WeightMethod<QuantEaseOptions>)

/** One row of the weight on its way: w, ŵ and R = (w − ŵ)·H. */
class RowState {
  readonly codes: Uint8Array
  readonly #values: Float64Array
  readonly #residual: Float64Array
  readonly #hessian: Float64Array
  readonly #grid: StoredGrid
  /** The first range of the row among all. */
  readonly #from: number

  constructor(
    target: Float32Array,
    begin: Float32Array,
    hessian: Float64Array,
    grid: StoredGrid,
    row: number,
  ) {
    const columns = target.length
    this.#values = Float64Array.from(begin)
    this.#hessian = hessian
    this.#grid = grid
    this.#from = row * Math.ceil(columns / grid.groupSize)
    this.codes = Uint8Array.from(begin, (value, j) => grid.code(value, this.#range(j)))
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
      const code = this.#grid.code(this.#values[j]! + this.#residual[j]! / curvature, range)
      this.codes[j] = code
      this.#move(j, this.#grid.value(code, range))
    }
  }

  /**
   * Moves every scale, and every offset where there are any, to where tr(D·H·Dᵀ) is least for the
   * codes as they are, rounded as they are stored.
   */
  refit(): void {
    const { line, groupSize } = this.#grid
    if (line === undefined) return
    const columns = this.#values.length
    for (let from = 0; from < columns; from += groupSize) {
      const range = this.#range(from)
      const to = Math.min(columns, from + groupSize)
      // With ŵ = u·s + o for units u: the slopes and curvatures along s and o.
      const fit = { slopeS: 0, slopeO: 0, ss: 0, so: 0, oo: 0 }
      for (let j = from; j < to; j++) {
        const u = line.unit(this.codes[j]!, range)
        fit.slopeS += u * this.#residual[j]!
        fit.slopeO += this.#residual[j]!
        for (let k = from; k < to; k++) {
          const h = this.#hessian[j * columns + k]!
          fit.ss += u * h * line.unit(this.codes[k]!, range)
          fit.so += u * h
          fit.oo += h
        }
      }
      const determinant = fit.ss * fit.oo - fit.so * fit.so
      const both = line.offset !== undefined && determinant > 1e-9 * fit.ss * fit.oo
      if (!(fit.ss > 0)) continue
      const wanted = both
        ? {
            scale: (fit.slopeS * fit.oo - fit.slopeO * fit.so) / determinant,
            offset: (fit.slopeO * fit.ss - fit.slopeS * fit.so) / determinant,
          }
        : { scale: fit.slopeS / fit.ss, offset: 0 }
      const [oldScale, oldOffset] = [line.scale[range]!, line.offset?.[range] ?? 0]
      const scale = rounded(oldScale + wanted.scale, line.type)
      const offset = both ? rounded(oldOffset + wanted.offset, line.type) : oldOffset
      const [s, o] = [scale - oldScale, offset - oldOffset]
      const gain =
        2 * (s * fit.slopeS + o * fit.slopeO) - (s * s * fit.ss + 2 * s * o * fit.so + o * o * fit.oo)
      // Rounding may eat the gain; then the range stays as it is.
      if (!(scale > 0 && gain > 0) || !Number.isFinite(scale + offset)) continue
      line.scale[range] = scale
      if (line.offset !== undefined) line.offset[range] = offset
      for (let j = from; j < to; j++) this.#move(j, this.#grid.value(this.codes[j]!, range))
    }
  }

  #range(j: number): number {
    return this.#from + Math.floor(j / this.#grid.groupSize)
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
