import {
  codebookEncoding,
  type Encoded,
  type OptionTable,
  optionsOf,
  type Tensor,
  type TensorLike,
  type WeightMethod,
} from '@tersor/core-tensor'
import { coordinatesOf } from '../coordinates.ts'
import { type Agreement, agreement } from '../grids/agreement.ts'
import { groupLayout } from '../grids/fit-groups.ts'
import { mxfp4Grid } from '../grids/mxfp4.ts'
import { roundToGrid } from '../grids/round-to-grid.ts'
import { ownFloats, plainWeight } from '../plain-weight.ts'
import { planOfGrid } from '../plan-on-grid.ts'

export interface Mxfp4Options {
  /** Weights of a row that share a power of two, 32 by default, as the format has it. */
  groupSize?: number | undefined
}

const WHERE = 'quantize/mxfp4'

const options = {
  groupSize: {
    is: 'whole',
    min: 1,
    default: 32,
    help: 'weights of a row that share a power of two',
  },
} as const satisfies OptionTable<Mxfp4Options>

/**
 * 4-bit floats that share a power of two (OCP MX 1.0, 2023; Rouhani et al., 2023, arXiv:2310.10537): {@link rtn} on the
 * {@link mxfp4Grid}.
 *
 * Use it where the format is asked for; {@link nf4} and {@link rtn} with 4 bits lose less at nearly the same size, because their
 * scales are not powers of two.
 *
 * @param weight  (…, columns), at least one dimension, compressed or not; read as float32
 * @returns `codebook` with a power of two a group: 4 + 8 / groupSize bits a weight, and a table of those that occur
 * @throws {ShapeError} when an option is unknown or out of range
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [-2.2, -1, 0.3, 4], [1, 4])
 * decode(mxfp4(weight)).data // => Float32Array [-2, -1, 0.5, 4]
 */
export function mxfp4(weight: TensorLike | Tensor | Encoded, given: Mxfp4Options = {}): Encoded {
  return rounded(weight, given)
}

function rounded(weight: TensorLike | Tensor | Encoded, given: Mxfp4Options, agreed?: Agreement): Encoded {
  const { groupSize } = optionsOf<Mxfp4Options>(options, given, WHERE)
  const coordinates = coordinatesOf(weight)
  if (coordinates !== undefined) return coordinates.with(rounded(coordinates.base, given, agreed))
  const tensor = plainWeight(weight, WHERE)
  const layout = groupLayout(tensor.dims, groupSize, -1, WHERE)
  return roundToGrid(mxfp4Grid(agreed), ownFloats(tensor), layout, tensor.device, WHERE)
}

/** {@link mxfp4} for jobs. */
export const mxfp4Method: WeightMethod<Mxfp4Options> = /* @__PURE__ */ Object.freeze({
  name: 'mxfp4',
  version: 1,
  summary: '4-bit floats that share a power of two; needs no text',
  needs: [],
  kinds: [codebookEncoding],
  options,
  plan: (weight, { groupSize }, start) => planOfGrid(weight, mxfp4Grid(), groupSize, start),
  apply: (weight, filled, { agreed }) => rounded(weight, filled, agreed as Agreement | undefined),
  rowwise: { step: dims => (dims.length > 1 ? 1 : undefined), agree: agreement },
} satisfies WeightMethod<Mxfp4Options>)
