import type { Encoded, OptionTable, Tensor, TensorLike, WeightMethod } from '@tersor/core-tensor'
import { coordinatesOf } from '../coordinates.ts'
import { type Agreement, agreement } from '../grids/agreement.ts'
import { type GroupSize, groupLayout } from '../grids/fit-groups.ts'
import { gridKinds } from '../grids/grid-kinds.ts'
import {
  type GridOptions,
  type GridOptionsOfRecipes,
  gridOptions,
  onGrid,
  solverOptions,
} from '../grids/grid-options.ts'
import { gridNamed } from '../grids/named-grids.ts'
import { roundToGrid } from '../grids/round-to-grid.ts'
import { ownFloats, plainWeight } from '../plain-weight.ts'
import { planOnGrid } from '../plan-on-grid.ts'

export interface RtnOptions extends GridOptions {
  /**
   * Weights along `axis` that share a scale: a number, a whole `channel`, or the whole `tensor`.
   * 32 by default; the last group of a row may be short.
   */
  groupSize?: GroupSize | undefined
  /** The axis that groups run along, the last one by default. */
  axis?: number | undefined
}

const WHERE = 'quantize/rtn'

const options = {
  ...gridOptions,
  groupSize: {
    is: 'whole',
    min: 1,
    words: ['channel', 'tensor'],
    default: 32,
    help: 'weights that share a scale',
  },
  axis: { is: 'whole', min: -8, max: 7, default: -1, help: 'the axis that groups run along' },
} as const satisfies OptionTable<RtnOptions>

/**
 * Rounds every weight to the nearest value of a grid: round-to-nearest quantisation.
 *
 * Use it without calibration data, down to about 4 bits, and for key–value caches; below that {@link gptq} loses less at the same
 * size. Synchronous: one pass over the weight. The same bytes on every host device.
 *
 * Without `grid` codes lie on a line for each group: code = roundTiesToEven(fround(fround(w − offset) / scale)) + zero, clamped to
 * 0 … 2^bits − 1, and back: (code − zero) · scale + offset.
 *
 * @param weight  any shape with at least one dimension, compressed or not; read as float32
 * @returns of a line `affine`, whose size is bits + (scale bits + zero bits) / groupSize a weight
 * @throws {ShapeError} when an option is unknown or out of range
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [-1, -0.4, 0.1, 0.5, 0, 1.2, 2, 3], [2, 4])
 * const small = rtn(weight, { bits: 2, groupSize: 4 })
 * decode(small).data // => Float32Array [-1, -0.5, 0, 0.5, 0, 1, 2, 3]
 */
export function rtn(weight: TensorLike | Tensor | Encoded, given: RtnOptions = {}): Encoded {
  return rounded(weight, given)
}

function rounded(weight: TensorLike | Tensor | Encoded, given: RtnOptions, agreed?: Agreement): Encoded {
  const filled = solverOptions<RtnOptions>(options, given, WHERE)
  const coordinates = coordinatesOf(weight)
  if (coordinates !== undefined) return coordinates.with(rounded(coordinates.base, given, agreed))
  const tensor = plainWeight(weight, WHERE)
  const layout = groupLayout(tensor.dims, filled.groupSize, filled.axis, WHERE)
  return onGrid({ ...filled, agreed }, WHERE, grid =>
    roundToGrid(grid, ownFloats(tensor), layout, tensor.device, WHERE),
  )
}

/** {@link rtn} for jobs. */
export const rtnMethod: WeightMethod<GridOptionsOfRecipes<RtnOptions>> = /* @__PURE__ */ Object.freeze({
  name: 'rtn',
  version: 1,
  summary: 'rounds to the nearest code; needs no text',
  needs: [],
  kinds: gridKinds,
  options,
  plan: planOnGrid,
  apply(weight, filled, layer) {
    const agreed = layer.agreed as Agreement | undefined
    return rounded(weight, { ...filled, grid: gridNamed(filled.grid, agreed) }, agreed)
  },
  rowwise: {
    step: (dims, { groupSize, axis }) =>
      groupSize !== 'tensor' && dims.length > 1 && (axis === -1 || axis === dims.length - 1) ? 1 : undefined,
    agree: agreement,
  },
} satisfies WeightMethod<GridOptionsOfRecipes<RtnOptions>>)
