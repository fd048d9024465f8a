import { DTypeError } from '../errors.ts'
import type { DType, HostArray } from './dtype.ts'
import { asTensor, requireHost, type Tensor, type TensorLike } from './tensor.ts'
import { requireTensorLike } from './tensor-like.ts'

type OrtTensorConstructor<T> = new (type: never, data: never, dims: readonly number[]) => T

/**
 * A tensor as a tensor of ONNX Runtime, without a copy. Its class is passed in, so that this
 * package depends on no runtime.
 *
 * @param OrtTensor  `Tensor` of onnxruntime-common, -node or -web
 * @throws {DeviceError} when the tensor is on a remote device
 * @throws {DTypeError} for bfloat16 and the 8-bit floats, which ONNX Runtime has no tensors of in JavaScript
 * @example
 * import { Tensor as OrtTensor } from 'onnxruntime-common'
 * const shared = toOrt(new Tensor('float32', [1, 2], [2]), OrtTensor)
 * shared.dims // => [2]
 */
export function toOrt<T>(tensor: Tensor, OrtTensor: OrtTensorConstructor<T>): T {
  requireTensorLike(tensor, 'toOrt')
  requireHost(tensor, 'toOrt')
  if (tensor.type === 'bfloat16' || tensor.type.startsWith('float8')) {
    throw new DTypeError(
      `[toOrt] expected a type that ONNX Runtime has tensors of, got ${tensor.type}; cast it to float16 or float32`,
    )
  }
  return new OrtTensor(tensor.type as never, ortData(tensor.type, tensor.data) as never, tensor.dims)
}

/** A tensor of ONNX Runtime or Transformers.js as one of ours, without a copy; it must be on the CPU. */
export function fromOrt(tensor: TensorLike): Tensor {
  return asTensor(tensor)
}

type Float16ArrayConstructor = new (
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
) => ArrayBufferView

/** ONNX Runtime holds float16 in `Float16Array` where the engine has it, everything else as we do. */
function ortData(type: DType, data: HostArray): ArrayBufferView {
  const { Float16Array } = globalThis as { Float16Array?: Float16ArrayConstructor }
  if (type === 'float16' && Float16Array !== undefined) {
    return new Float16Array(data.buffer, data.byteOffset, data.length)
  }
  return data
}
