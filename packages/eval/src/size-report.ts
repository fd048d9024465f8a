import { byteLength, type Encoded, isEncoded, sizeOf, type Tensor } from '@tersor/core-tensor'

/** The bytes of one weight. */
export interface TensorSize {
  readonly name: string
  /** The kind of its encoding, or the dtype of a plain tensor. */
  readonly encoding: string
  readonly dims: readonly number[]
  readonly elements: number
  /** All parts and the metadata that decoding needs. */
  readonly bytes: number
  readonly bitsPerWeight: number
}

export interface SizeReport {
  readonly tensors: readonly TensorSize[]
  readonly elements: number
  readonly bytes: number
  readonly bitsPerWeight: number
}

/**
 * What every weight takes, exactly, metadata included; a file adds its header and alignment.
 *
 * @example
 * sizeReport([['w', new Tensor('float32', [1, 2, 3], [3])]]).bitsPerWeight // => 32
 */
export function sizeReport(weights: Iterable<readonly [name: string, weight: Tensor | Encoded]>): SizeReport {
  const tensors = Array.from(weights, ([name, weight]) => {
    const elements = sizeOf(weight.dims)
    const bytes = byteLength(weight)
    const encoding = isEncoded(weight) ? weight.encoding.kind : weight.type
    return { name, encoding, dims: weight.dims, elements, bytes, bitsPerWeight: bits(bytes, elements) }
  })
  const elements = tensors.reduce((sum, tensor) => sum + tensor.elements, 0)
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
  return { tensors, elements, bytes, bitsPerWeight: bits(bytes, elements) }
}

function bits(bytes: number, elements: number): number {
  return elements === 0 ? 0 : (8 * bytes) / elements
}
