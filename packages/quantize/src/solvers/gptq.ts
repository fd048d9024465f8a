import {
  type Encoded,
  type JobOptions,
  NumericalError,
  type OptionTable,
  pace,
  ShapeError,
  Tensor,
  type TensorLike,
  toFloat64,
  type WeightMethod,
} from '@tersor/core-tensor'
import { inverseCholesky } from '@tersor/core-tensor/linalg'
import { matmul } from '@tersor/core-tensor/reference'
import { coordinatesOf } from '../coordinates.ts'
import { emptyRanges, fitGroups, groupLayout, requireFinite } from '../grids/fit-groups.ts'
import type { Grid } from '../grids/grid.ts'
import { gridKinds } from '../grids/grid-kinds.ts'
import {
  type GridOptions,
  type GridOptionsOfRecipes,
  gridOptions,
  onGrid,
  solverOptions,
} from '../grids/grid-options.ts'
import { gridNamed } from '../grids/named-grids.ts'
import { ownFloats, plainWeight } from '../plain-weight.ts'
import { planOnGrid } from '../plan-on-grid.ts'

export interface GptqOptions extends GridOptions, JobOptions {
  /** Weights of a row that share a scale, 32 by default, or the whole row. */
  groupSize?: number | 'channel' | undefined
  /** Rounds the columns with the largest inputs first; groups keep their place, so it costs no bytes. False by default. */
  actOrder?: boolean | undefined
  /** Added to the diagonal of the Gram matrix, as a fraction of its mean; 0.01 by default. */
  damping?: number | undefined
  /** Named in errors. */
  name?: string | undefined
}

const options = {
  ...gridOptions,
  groupSize: {
    is: 'whole',
    min: 1,
    words: ['channel'],
    default: 32,
    help: 'weights of a row that share a scale',
  },
  actOrder: { is: 'flag', default: false, help: 'rounds the columns with the largest inputs first' },
  damping: {
    is: 'number',
    min: 0,
    max: 1,
    default: 0.01,
    help: 'added to the diagonal of the Gram matrix, as a fraction of its mean',
  },
} as const satisfies OptionTable<GptqOptions>

/** Columns after which the rest of the weight is brought up to date in one product. */
const BLOCK = 128

/**
 * Rounds a weight column by column and lets the columns that follow make good for each error, as
 * their inputs allow (GPTQ: Frantar et al., 2022, arXiv:2210.17323).
 *
 * Use it for 4 bits and below where text to calibrate with is at hand; {@link rtn} gives
 * the same format without. With H = XᵀX + λI and H⁻¹ = UᵀU, for each column j:
 *
 *     q = round(w_j),  e = (w_j − q) / U_jj,  w_k ← w_k − e · U_jk for k > j
 *
 * Without `actOrder` a group's range is found when its first column is reached, from weights that
 * already carry the corrections; with it, and on grids whose ranges are stored together, from the original ones. A column whose
 * input was always zero is rounded to the nearest.
 *
 * @param weight  (out, in), compressed or not; read as float32
 * @param gram  (in, in) XᵀX of the layer's inputs, as `calibrateBlocks` collects them
 * @returns what {@link rtn} makes of the same grid, so equal options take equal bytes
 * @throws {NumericalError} when a weight or the Gram matrix is not finite, or the damped matrix is
 *   not positive definite
 * @throws {ShapeError} when the shapes do not fit, or an option is unknown or out of range
 * @example
 * const weight = new Tensor('float32', [0.9, 1.1, -0.4, 0.3], [1, 4])
 * const gram = new Tensor('float64', [2, 1, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4])
 * const small = await gptq(weight, gram, { bits: 2, groupSize: 4 })
 * small.dims // => [1, 4]
 */
export async function gptq(
  weight: TensorLike | Tensor | Encoded,
  gram: TensorLike,
  given: GptqOptions = {},
): Promise<Encoded> {
  const where = `quantize/gptq ${given.name ?? 'weight'}`
  const filled = solverOptions<GptqOptions>(options, given, where)
  const statistics = plainWeight(gram, where)
  const coordinates = coordinatesOf(weight)
  if (coordinates !== undefined) {
    requireSquare(statistics, (weight as Encoded).dims, where)
    return coordinates.with(await gptq(coordinates.base, coordinates.gram(statistics), given))
  }
  const tensor = plainWeight(weight, where)
  const [rows, columns] = tensor.dims as [number, number]
  requireSquare(statistics, tensor.dims, where)
  const layout = groupLayout(tensor.dims, filled.groupSize, 1, where)
  const { group } = layout
  const values = ownFloats(tensor)
  requireFinite(values, where)
  const hessian = withoutDeadColumns(toFloat64(statistics), columns)
  const order = filled.actOrder
    ? byDiagonal(hessian, columns)
    : Int32Array.from({ length: columns }, (_, j) => j)
  const upper = inverseFactor(hessian, order, filled.damping, where)
  // What an error of a column costs after the columns behind it have made good for it: 1 / U_jj².
  const importance = new Float64Array(columns)
  order.forEach((column, j) => {
    importance[column] = upper[j * columns + j]! ** -2
  })

  async function solve(grid: Grid): Promise<Encoded> {
    const first = filled.actOrder || group >= columns || grid.rangesFirst
    const ranges = first ? fitGroups(grid, values, layout, where, importance) : emptyRanges(grid, layout)
    const settled = first ? grid.store(ranges, layout, tensor.device) : undefined
    const block = first ? BLOCK : group * Math.max(1, Math.floor(BLOCK / group))
    const residual = columnsInOrder(values, rows, order)
    const work: Work = { rows, columns, group, grid, upper, ranges, order, residual }
    const codes = new Uint8Array(rows * columns)
    const step = pace(given, Math.ceil(columns / block))
    for (let start = 0; start < columns; start += block) {
      const end = Math.min(columns, start + block)
      const errors = new Float64Array((end - start) * rows)
      for (let j = start; j < end; j++) {
        if (!first && j % group === 0) fitGroup(j, work, importance.subarray(j, j + group), where)
        roundColumn(j, work, codes, errors.subarray((j - start) * rows, (j - start + 1) * rows))
        for (let k = j + 1; k < end; k++)
          subtract(work, k, errors, (j - start) * rows, upper[j * columns + k]!)
      }
      updateRest(work, errors, start, end)
      await step()
    }
    const parts = settled ?? grid.store(ranges, layout, tensor.device)
    return grid.encoded(codes, parts, layout, tensor.device)
  }
  return onGrid(filled, where, solve)
}

/** {@link gptq} for jobs. */
export const gptqMethod: WeightMethod<GridOptionsOfRecipes<GptqOptions>> = /* @__PURE__ */ Object.freeze({
  name: 'gptq',
  version: 1,
  summary: 'rounds column by column and makes good for each error; needs text to calibrate with',
  needs: ['gram'],
  kinds: gridKinds,
  options,
  plan({ dims, type }, filled, start) {
    const { bytes, exact, peak, around } = planOnGrid({ dims, type }, filled, start)
    const [rows = 0, columns = 0] = dims
    // The Gram matrix, its factor and a copy, and the weight in float64.
    return { bytes, exact, peak: peak + 8 * (3 * columns * columns + 2 * rows * columns), around }
  },
  apply: (weight, filled, { name, statistics, signal, onProgress }) =>
    gptq(weight, statistics.gram!, { ...filled, grid: gridNamed(filled.grid), name, signal, onProgress }),
} satisfies WeightMethod<GridOptionsOfRecipes<GptqOptions>>)

/** A weight on its way to codes. Columns are numbered in the order of rounding. */
interface Work {
  readonly rows: number
  readonly columns: number
  readonly group: number
  readonly grid: Grid
  /** (columns, columns) U of H⁻¹ = UᵀU, in the order of rounding */
  readonly upper: Float64Array
  /** Those of the groups of a row side by side, row by row. */
  readonly ranges: Float32Array
  /** (columns) where each column stands in the weight */
  readonly order: Int32Array
  /** (columns, rows) what is left to round: column by column, because every step works on whole columns */
  readonly residual: Float64Array
}

/** @throws {ShapeError} unless a weight is (out, in) and its statistics (in, in) */
function requireSquare({ dims }: Tensor, weight: readonly number[], where: string): void {
  if (weight.length !== 2 || dims.length !== 2 || dims.some(dim => dim !== weight[1])) {
    throw new ShapeError(
      `[${where}] expected a weight (out, in) and a Gram matrix (in, in), got [${weight}] and [${dims}]`,
    )
  }
}

/** Columns that never saw an input get a unit of their own, which leaves them to plain rounding. */
function withoutDeadColumns(gram: Float64Array, columns: number): Float64Array {
  const hessian = Float64Array.from(gram)
  for (let j = 0; j < columns; j++) if (hessian[j * columns + j] === 0) hessian[j * columns + j] = 1
  return hessian
}

/** Columns by falling diagonal; of equals the first. */
function byDiagonal(hessian: Float64Array, columns: number): Int32Array {
  const diagonal = (j: number) => hessian[j * columns + j]!
  return Int32Array.from({ length: columns }, (_, j) => j).sort((a, b) => diagonal(b) - diagonal(a) || a - b)
}

/** U with (H + λI)⁻¹ = UᵀU, rows and columns in the order of rounding. */
function inverseFactor(
  hessian: Float64Array,
  order: Int32Array,
  damping: number,
  where: string,
): Float64Array {
  const n = order.length
  const ordered = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) ordered[i * n + j] = hessian[order[i]! * n + order[j]!]!
  try {
    return toFloat64(inverseCholesky(new Tensor('float64', ordered, [n, n]), { damping }))
  } catch (error) {
    if (!(error instanceof NumericalError)) throw error
    throw new NumericalError(
      `[${where}] the Gram matrix is not positive definite with damping ${damping}; raise damping, or calibrate on more text`,
      { cause: error },
    )
  }
}

function columnsInOrder(values: Float32Array, rows: number, order: Int32Array): Float64Array {
  const columns = order.length
  const residual = new Float64Array(values.length)
  for (let j = 0; j < columns; j++) {
    for (let row = 0; row < rows; row++) residual[j * rows + row] = values[row * columns + order[j]!]!
  }
  return residual
}

/** Finds the ranges of the group that begins with column j, from the weights as corrected so far. */
function fitGroup(
  j: number,
  { rows, columns, group, grid, residual, ranges }: Work,
  importance: Float64Array,
  where: string,
): void {
  const members = new Float32Array(Math.min(group, columns - j))
  const groups = Math.ceil(columns / group)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < members.length; i++) members[i] = residual[(j + i) * rows + row]!
    requireFinite(members, where)
    grid.fit(members, ranges, (row * groups + j / group) * grid.width, importance)
  }
}

/** Rounds column j and leaves its errors, divided by U_jj, in `errors` (rows). */
function roundColumn(j: number, work: Work, codes: Uint8Array, errors: Float64Array): void {
  const { rows, columns, group, grid, upper, ranges, order, residual } = work
  const column = order[j]!
  const stride = Math.ceil(columns / group) * grid.width
  const first = Math.floor(column / group) * grid.width
  const pivot = upper[j * columns + j]!
  for (let row = 0; row < rows; row++) {
    const at = row * stride + first
    const weight = residual[j * rows + row]!
    const code = grid.code(weight, ranges, at)
    codes[row * columns + column] = code
    errors[row] = (weight - grid.value(code, ranges, at)) / pivot
  }
}

/** w_k ← w_k − e · u */
function subtract({ rows, residual }: Work, k: number, errors: Float64Array, from: number, u: number): void {
  for (let row = 0; row < rows; row++) residual[k * rows + row]! -= errors[from + row]! * u
}

/** Brings the columns behind a block up to date: W[end:] ← W[end:] − U[start:end, end:]ᵀ · E. */
function updateRest(
  { rows, columns, upper, residual }: Work,
  errors: Float64Array,
  start: number,
  end: number,
): void {
  const rest = columns - end
  if (rest === 0 || rows === 0) return
  const factors = new Float64Array((end - start) * rest)
  for (let j = start; j < end; j++)
    factors.set(upper.subarray(j * columns + end, (j + 1) * columns), (j - start) * rest)
  const correction = matmul(
    new Tensor('float64', factors, [end - start, rest]),
    new Tensor('float64', errors, [end - start, rows]),
    {
      transposeA: true,
    },
  ).data as Float64Array
  for (let i = 0; i < correction.length; i++) residual[end * rows + i]! -= correction[i]!
}
