import {
  dense,
  denseEncoding,
  type Encoded,
  type OptionTable,
  optionsOf,
  ShapeError,
  scaled,
  scaledEncoding,
  sizeOf,
  type Tensor,
  type TensorLike,
  type WeightMethod,
} from '@tersor/core-tensor'
import { groupLayout } from '../grids/fit-groups.ts'
import { type Float8Format, float8Grid } from '../grids/float8.ts'
import { roundToGrid } from '../grids/round-to-grid.ts'
import { ownFloats, plainWeight } from '../plain-weight.ts'
import { planOfGrid } from '../plan-on-grid.ts'

export interface Float8Options {
  /** e4m3fn (3 bits of mantissa, up to 448), the default, or e5m2 (2 bits, up to 57344). */
  format?: Float8Format | undefined
  /** Whether each entry of the first axis has its own scale, the default, or the whole tensor one. */
  groupSize?: 'channel' | 'tensor' | undefined
}

const WHERE = 'quantize/float8'

const options = {
  format: {
    is: 'choice',
    of: ['e4m3fn', 'e5m2'],
    default: 'e4m3fn',
    help: '3 bits of mantissa and up to 448, or 2 and up to 57344',
  },
  groupSize: {
    is: 'choice',
    of: ['channel', 'tensor'],
    default: 'channel',
    help: 'whether each row has its own scale',
  },
} as const satisfies OptionTable<Float8Options>

/**
 * 8-bit floats (Micikevicius et al., 2022, arXiv:2209.05433) times a float32 scale that puts the
 * largest weight on the format's largest value: {@link rtn} on the {@link float8Grid}.
 *
 * Use it where 8 bits must hold weights of very different size; for weights of one size
 * {@link rtn} with 8 bits loses less. The same bytes on every host device.
 *
 * @param weight  at least one dimension, compressed or not; read as float32
 * @returns `scaled(dense(float8), scale, 0)`: 8 bits a weight and a scale a row, or one
 * @throws {ShapeError} when an option is unknown or out of range
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [1, -2, 3.9, 0.1, 0.2, 0.3], [2, 3])
 * byteLength(float8(weight)) // => 26
 */
export function float8(weight: TensorLike | Tensor | Encoded, given: Float8Options = {}): Encoded {
  const { format, groupSize } = optionsOf<Float8Options>(options, given, WHERE)
  const tensor = plainWeight(weight, WHERE)
  const { dims, device } = tensor
  const layout = groupLayout(matrixOf(dims), groupSize, 1, WHERE)
  const matrix = roundToGrid(float8Grid(format, WHERE), ownFloats(tensor), layout, device, WHERE)
  const { base, scale } = matrix.parts as { base: Encoded; scale: Tensor }
  return scaled(dense((base.parts.values as Tensor).reshape(dims)), scale, 0)
}

/** A row for each entry of the first axis. */
function matrixOf(dims: readonly number[]): readonly [number, number] {
  const [rows, ...rest] = dims
  if (rows === undefined) throw new ShapeError(`[${WHERE}] expected at least one dimension, got a scalar`)
  return [rows, rest.reduce((a, b) => a * b, 1)]
}

/** {@link float8} for jobs. */
export const float8Method: WeightMethod<Float8Options> = /* @__PURE__ */ Object.freeze({
  name: 'float8',
  version: 1,
  summary: '8-bit floats with a scale a row; needs no text',
  needs: [],
  kinds: [scaledEncoding, denseEncoding],
  options,
  plan: ({ dims, type }, { format, groupSize }) =>
    planOfGrid({ dims: matrixOf(dims), type }, float8Grid(format), groupSize),
  apply: (weight, filled) => float8(weight, filled),
  rowwise: {
    step: ([, ...rest], { groupSize }) =>
      groupSize === 'tensor' || rest.length === 0 ? undefined : sizeOf(rest.slice(0, -1)),
  },
} satisfies WeightMethod<Float8Options>)
