import {
  asTensor,
  decode,
  type Encoded,
  requireHost,
  ShapeError,
  type Tensor,
  type TensorLike,
  toFloat32,
} from '@tersor/core-tensor'

/**
 * The weight that a method was given as a plain tensor on a host: steps of a recipe hand on what the one before made.
 *
 * @throws {ShapeError} for anything that is neither a tensor nor an encoding
 */
export function plainWeight(weight: TensorLike | Tensor | Encoded, where: string): Tensor {
  if (typeof weight !== 'object' || weight === null || !('dims' in weight)) {
    throw new ShapeError(
      `[${where}] expected a tensor or an encoding, got ${weight === null ? 'null' : typeof weight}`,
    )
  }
  const tensor = 'encoding' in weight ? decode(weight) : asTensor(weight)
  requireHost(tensor, where)
  return tensor
}

/** The elements of a weight as float32 of its own: the memory of some devices moves when they allocate. */
export function ownFloats(weight: Tensor): Float32Array {
  return Float32Array.from(toFloat32(weight))
}
