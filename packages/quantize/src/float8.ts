import {
  asTensor,
  decodeNarrow,
  dense,
  type Encoded,
  NumericalError,
  narrowFloats,
  requireHost,
  ShapeError,
  scaled,
  Tensor,
  type TensorLike,
} from '@tersor/core-tensor'
import { binary, cast, reduce } from '@tersor/core-tensor/reference'

export interface Float8Options {
  /** e4m3fn (3 bits of mantissa, up to 448), the default, or e5m2 (2 bits, up to 57344). */
  format?: 'e4m3fn' | 'e5m2'
  /** Whether each entry of the first axis has its own scale, the default, or the whole tensor one. */
  scale?: 'channel' | 'tensor'
}

const WHERE = 'quantize/float8'

/**
 * 8-bit floats (Micikevicius et al., 2022, arXiv:2209.05433) times a float32 scale that puts the
 * largest weight on the format's largest value.
 *
 * Use it where 8 bits must hold weights of very different size; for weights of one size
 * {@link quantizeAffine} with 8 bits loses less. The same bytes on every host device.
 *
 * @param weight  at least one dimension; read as float32
 * @returns `scaled(dense(float8), scale, 0)`: 8 bits a weight and a scale a row, or one
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [1, -2, 3.9, 0.1, 0.2, 0.3], [2, 3])
 * byteLength(float8(weight)) // => 26
 */
export function float8(
  weight: TensorLike,
  { format = 'e4m3fn', scale: granularity = 'channel' }: Float8Options = {},
): Encoded {
  const tensor = asTensor(weight)
  requireHost(tensor, WHERE)
  const rows = tensor.dims[0]
  if (rows === undefined) throw new ShapeError(`[${WHERE}] expected at least one dimension, got a scalar`)
  const type = format === 'e4m3fn' ? 'float8e4m3fn' : 'float8e5m2'
  const largest = decodeNarrow(format === 'e4m3fn' ? 0x7e : 0x7b, narrowFloats[type])
  const values = cast(tensor, 'float32')
  const groups = granularity === 'channel' ? rows : 1
  const maxima = reduce('absMax', values.reshape([groups, groups === 0 ? 0 : tensor.size / groups]), {
    axis: 1,
  })
  const steps = Float32Array.from(maxima.data as Float32Array, max => {
    if (!Number.isFinite(max))
      throw new NumericalError(`[${WHERE}] expected finite weights, got ${max}; repair the tensor first`)
    return max === 0 ? 1 : max / largest
  })
  const scale = tensor.device.upload(new Tensor('float32', steps, [groups]))
  const column = scale.reshape([groups, ...tensor.dims.slice(1).map(() => 1)])
  return scaled(dense(cast(binary('div', values, column), type)), scale, 0)
}
