import { FormatError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import { isWhole } from '../tensor/dims.ts'
import { asTensor, Tensor, type TensorLike } from '../tensor/tensor.ts'

/** A number of samples as a tensor, exact up to 2^53. */
export function saveCount(count: number): Tensor {
  return new Tensor('float64', [count], [1])
}

/** The number of samples among saved tensors. */
export function savedCount(tensors: Record<string, TensorLike>): number {
  const count = saved(tensors, 'count')
  const value = count.size === 1 ? (count.data[0] as number) : Number.NaN
  if (!isWhole(value)) {
    throw new FormatError(
      `[statistics] expected a count of one whole number ≥ 0, got [${count.dims}] with ${value}`,
    )
  }
  return value
}

/** A saved tensor that holds finite numbers, in float64 unless `type` says otherwise. */
export function saved(
  tensors: Record<string, TensorLike>,
  name: string,
  type: 'float64' | 'float32' = 'float64',
): Tensor {
  const found = tensors[name]
  if (found === undefined) {
    throw new FormatError(
      `[statistics] expected a tensor ${name}, got ${Object.keys(tensors).join(', ') || 'none'}`,
    )
  }
  if (found.type !== type)
    throw new FormatError(`[statistics] expected ${name} in ${type}, got ${found.type}`)
  const tensor = asTensor(found)
  if (!numbersOf(tensor).every(Number.isFinite)) {
    throw new FormatError(`[statistics] expected finite numbers in ${name}; the file is damaged`)
  }
  return tensor
}
