import {
  canonicalJson,
  type Encoded,
  hadamard,
  hadamardEncoding,
  linear,
  type OptionTable,
  optionsOf,
  product,
  productEncoding,
  ShapeError,
  sizeOf,
  type Tensor,
  type TensorLike,
  type WeightMethod,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { requireFinite } from '../grids/fit-groups.ts'
import { ownFloats, plainWeight } from '../plain-weight.ts'

export interface RotateOptions {
  /** Of the signs of the rotation, below 2^32; 1 by default. */
  seed?: number | undefined
}

const WHERE = 'quantize/rotate'

const options = {
  seed: { is: 'whole', min: 0, max: 2 ** 32 - 1, default: 1, help: 'of the signs of the rotation' },
} as const satisfies OptionTable<RotateOptions>

/**
 * Turns the rows of a weight by a random Hadamard rotation, W = (W·Qᵀ)·Q, so that no weight stands out: each becomes a mean of many
 * (incoherence processing; Tseng et al., 2024, arXiv:2402.04396; Ashkboos et al., 2024, arXiv:2404.00456).
 *
 * Use it before {@link rtn} or {@link gptq} with 2 or 3 bits, and for weights with outliers; not where each multiplication
 * counts: inputs are turned too, in n·log₂ n additions. What it gives is not yet smaller: the step after it compresses W·Qᵀ.
 *
 * Q = H·diag(signs)/√block works in blocks of the largest power of two that divides the columns. Exact: the same bytes everywhere.
 *
 * @param weight  (out, in), compressed or not; read as float32
 * @returns `product(W·Qᵀ, hadamard)`; the rotation takes no bytes but its seed's
 * @throws {ShapeError} unless the weight is a matrix
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [9, 0, 0, 0], [1, 4])
 * const spread = rotate(weight).parts[0] as Tensor
 * Array.from(spread.data as Float32Array, Math.abs) // => [4.5, 4.5, 4.5, 4.5]
 * const small = rtn(rotate(weight), { bits: 2 })
 * decode(small).data // => Float32Array [9, 0, 0, 0]
 */
export function rotate(weight: TensorLike | Tensor | Encoded, given: RotateOptions = {}): Encoded {
  const { seed } = optionsOf<RotateOptions>(options, given, WHERE)
  const tensor = plainWeight(weight, WHERE)
  const [, columns] = tensor.dims
  if (tensor.dims.length !== 2 || columns === undefined) {
    throw new ShapeError(`[${WHERE}] expected a matrix (out, in), got [${tensor.dims}]`)
  }
  requireFinite(ownFloats(tensor), WHERE)
  const rotation = hadamard({ size: columns, seed })
  return product(linear(cast(tensor, 'float32'), rotation), rotation)
}

/** {@link rotate} for jobs, before a step that rounds. */
export const rotateMethod: WeightMethod<RotateOptions> = /* @__PURE__ */ Object.freeze({
  name: 'rotate',
  version: 1,
  summary: 'turns rows so that no weight stands out, for the step after it; needs no text',
  needs: [],
  kinds: [productEncoding, hadamardEncoding],
  options,
  plan({ dims }, { seed }) {
    const around = canonicalJson({}).length + canonicalJson({ seed }).length
    const bytes = 4 * sizeOf(dims) + around
    return { bytes, exact: true, peak: 8 * sizeOf(dims) + bytes, around }
  },
  apply: (weight, filled) => rotate(weight, filled),
  rowwise: { step: dims => (dims.length === 2 ? 1 : undefined) },
} satisfies WeightMethod<RotateOptions>)
