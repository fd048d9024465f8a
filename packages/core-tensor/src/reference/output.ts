import type { Device } from '../device/device.ts'
import type { Out } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import { numbersOf, writeNumbers } from '../tensor/convert.ts'
import { requireDims } from '../tensor/dims.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'

type Result<T extends DType> = T extends 'float64'
  ? Float64Array
  : T extends 'int32'
    ? Int32Array
    : Float32Array

/**
 * Room for the result of a kernel. Without `out` that is a new tensor; with it, a buffer that
 * `done` stores there last, rounded to its dtype, so `out` may be one of the inputs.
 *
 * `values` is a view of the device's memory: take it after everything else that may allocate there.
 */
export function output<T extends 'float32' | 'float64' | 'int32'>(
  where: string,
  device: Device,
  type: T,
  dims: readonly number[],
  { out, accumulate = false }: Out = {},
): { values: Result<T>; done: () => Tensor } {
  if (out === undefined) {
    if (accumulate) throw new ShapeError(`[${where}] expected an out to accumulate into`)
    const made = device.empty(type, dims)
    return { values: made.data as Result<T>, done: () => made }
  }
  requireDims(where, 'an out', out, dims)
  const HostArray = type === 'float64' ? Float64Array : type === 'int32' ? Int32Array : Float32Array
  const values = new HostArray(out.size)
  const done = () => {
    writeNumbers(accumulate ? sumOf(values, numbersOf(out)) : values, out.type, out.data)
    return out
  }
  return { values: values as Result<T>, done }
}

/** In float64, which holds a sum of two float32 numbers so well that rounding it to float32 is rounding once. */
function sumOf(values: ArrayLike<number>, held: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(values.length)
  for (let i = 0; i < sums.length; i++) sums[i] = values[i]! + held[i]!
  return sums
}

/** float64 where an operand is, else float32: what floating-point kernels compute and return. */
export function floatType(...operands: readonly Tensor[]): 'float32' | 'float64' {
  return operands.some(x => x.type === 'float64') ? 'float64' : 'float32'
}
