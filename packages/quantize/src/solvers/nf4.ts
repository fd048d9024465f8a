import {
  affineEncoding,
  codebookEncoding,
  type Encoded,
  type OptionTable,
  optionsOf,
  sizeOf,
  type Tensor,
  type TensorLike,
  type WeightMethod,
} from '@tersor/core-tensor'
import { coordinatesOf } from '../coordinates.ts'
import { type Agreement, agreement } from '../grids/agreement.ts'
import { groupLayout } from '../grids/fit-groups.ts'
import { SCALE_GROUP } from '../grids/levels.ts'
import { nf4Grid } from '../grids/nf4.ts'
import { roundToGrid } from '../grids/round-to-grid.ts'
import { ownFloats, plainWeight } from '../plain-weight.ts'
import { planOfGrid } from '../plan-on-grid.ts'

export interface Nf4Options {
  /** Weights of a row that share a scale, 64 by default; the last group of a row may be short. */
  groupSize?: number | undefined
  /** Stores the scales in 8 bits too, in groups of 256; true by default. */
  doubleQuantize?: boolean | undefined
}

const WHERE = 'quantize/nf4'

const options = {
  groupSize: { is: 'whole', min: 1, default: 64, help: 'weights of a row that share a scale' },
  doubleQuantize: { is: 'flag', default: true, help: 'stores the scales in 8 bits too' },
} as const satisfies OptionTable<Nf4Options>

/**
 * 4-bit NormalFloat with double quantisation (Dettmers et al., 2023, arXiv:2305.14314): {@link rtn} on the {@link nf4Grid}.
 *
 * Use it for 4 bits without calibration data on weights that look normal; {@link rtn} on a line
 * suits other distributions, {@link gptq} on the same grid loses less where text to calibrate with is at hand.
 *
 * Each group of a row is divided by its absolute maximum and every quotient becomes the nearest of
 * the sixteen values; the maxima are stored in 8 bits over groups of 256, offset by their smallest.
 *
 * @param weight  (…, columns), at least one dimension, compressed or not; read as float32
 * @returns `codebook` with a scale a group: 4 + 8 / groupSize + 64 / (256 · groupSize) bits a weight
 * @throws {ShapeError} when an option is unknown or out of range
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [-2, -1, 0, 2], [1, 4])
 * decode(nf4(weight, { doubleQuantize: false })).data // => Float32Array [-2, -1.0501461, 0, 2]
 */
export function nf4(weight: TensorLike | Tensor | Encoded, given: Nf4Options = {}): Encoded {
  return rounded(weight, given)
}

function rounded(weight: TensorLike | Tensor | Encoded, given: Nf4Options, agreed?: Agreement): Encoded {
  const { groupSize, doubleQuantize } = optionsOf<Nf4Options>(options, given, WHERE)
  const coordinates = coordinatesOf(weight)
  if (coordinates !== undefined) return coordinates.with(rounded(coordinates.base, given, agreed))
  const tensor = plainWeight(weight, WHERE)
  const layout = groupLayout(tensor.dims, groupSize, -1, WHERE)
  return roundToGrid(nf4Grid({ doubleQuantize }, agreed), ownFloats(tensor), layout, tensor.device, WHERE)
}

/** {@link nf4} for jobs. */
export const nf4Method: WeightMethod<Nf4Options> = /* @__PURE__ */ Object.freeze({
  name: 'nf4',
  version: 1,
  summary: '4-bit levels for weights that look normal; needs no text',
  needs: [],
  kinds: [codebookEncoding, affineEncoding],
  options,
  plan: (weight, { groupSize, doubleQuantize }, start) =>
    planOfGrid(weight, nf4Grid({ doubleQuantize }), groupSize, start),
  apply: (weight, filled, { agreed }) => rounded(weight, filled, agreed as Agreement | undefined),
  rowwise: {
    // Scales are stored in groups down the first axis.
    step: ([, ...rest], { doubleQuantize }) =>
      rest.length === 0 ? undefined : doubleQuantize ? SCALE_GROUP * sizeOf(rest.slice(0, -1)) : 1,
    agree: agreement,
  },
} satisfies WeightMethod<Nf4Options>)
