import {
  type Encoded,
  hadamardEncoding,
  isEncoded,
  linear,
  productEncoding,
  type Tensor,
  withParts,
} from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'

/** The coordinates in which a step before left a weight: W = base · Q. */
export interface Coordinates {
  /** What is left to compress. */
  readonly base: Tensor | Encoded
  /** W·Qᵀ of a weight in its own coordinates. */
  rotated(weight: Tensor): Tensor
  /** Q·G·Qᵀ: the Gram matrix of the inputs of `base`, in float64. */
  gram(gram: Tensor): Tensor
  /** The weight with its base compressed. */
  with(base: Encoded): Encoded
}

/** The coordinates of what `rotate` gave; undefined for any other weight. */
export function coordinatesOf(weight: unknown): Coordinates | undefined {
  if (typeof weight !== 'object' || weight === null || !('encoding' in weight)) return undefined
  const e = weight as Encoded
  const { 0: base, 1: rotation, 2: more } = e.parts
  const rotated =
    e.encoding === productEncoding &&
    more === undefined &&
    isEncoded(rotation!) &&
    rotation.encoding === hadamardEncoding
  if (!rotated) return undefined
  return {
    base: base!,
    rotated: weight => linear(weight, rotation),
    gram: gram => linear(transpose(linear(gram, rotation), [1, 0]), rotation),
    with: base => withParts(e, { 0: base }),
  }
}
