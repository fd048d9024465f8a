import { kernel } from '../device/kernel.ts'
import { DTypeError } from '../errors.ts'
import { numbersOf, writeNumbers } from '../tensor/convert.ts'
import { requireDims } from '../tensor/dims.ts'
import { checkDType, type DType, viewBytes } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * The elements in another dtype. Exact: floats round to nearest, ties to even (8-bit floats
 * saturate at their largest value, as ONNX says); integers drop the fraction and saturate, NaN
 * becomes 0; bool is 1 for all but 0. int64 passes through float64 unless both sides are int64.
 *
 * @param x  any shape
 * @returns the same shape in `type`
 * @example
 * cast(new Tensor('float32', [1.9, -1.9, 300], [3]), 'int8').data // => Int8Array [1, -1, 127]
 */
export const cast = /* @__PURE__ */ kernel('cast', castReference)

function castReference(x: Tensor, type: DType, { out }: { out?: Tensor | undefined } = {}): Tensor {
  checkDType(type, 'cast')
  if (out !== undefined && out.type !== type)
    throw new DTypeError(`[cast] expected an out of ${type}, got ${out.type}`)
  if (out !== undefined) requireDims('cast', 'an out', out, x.dims)
  const target = out ?? x.device.empty(type, x.dims)
  if (x.type === type) viewBytes(target.data).set(viewBytes(x.data))
  else writeNumbers(numbersOf(x), type, target.data)
  return target
}
