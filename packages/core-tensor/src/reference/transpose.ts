import { kernel } from '../device/kernel.ts'
import { ShapeError } from '../errors.ts'
import { stridesOf } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { copy } from './copy.ts'
import { elements } from './elements.ts'

/**
 * The axes in another order, copied: axis i of the result is axis `permutation[i]` of `x`.
 *
 * @param x  any shape of elements of whole bytes
 * @throws {ShapeError} when `permutation` is not one
 * @example
 * transpose(new Tensor('float32', [1, 2, 3, 4, 5, 6], [2, 3]), [1, 0]).data // => Float32Array [1, 4, 2, 5, 3, 6]
 */
export const transpose = /* @__PURE__ */ kernel('transpose', transposeReference)

function transposeReference(
  x: Tensor,
  permutation: readonly number[],
  { out }: { out?: Tensor | undefined } = {},
): Tensor {
  const rank = x.dims.length
  if ([...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i) || permutation.length !== rank) {
    throw new ShapeError(
      `[transpose] expected a permutation of the ${rank} axes of [${x.dims}], got [${permutation}]`,
    )
  }
  const strides = stridesOf(x.dims)
  const dims = permutation.map(axis => x.dims[axis]!)
  const steps = permutation.map(axis => strides[axis]!)
  const made = x.device.empty(x.type, dims)
  const from = elements(x, 'transpose')
  const to = elements(made, 'transpose')
  const width = dims.at(-1) ?? 1
  const step = steps.at(-1) ?? 1
  const index = new Array<number>(rank).fill(0)
  let start = 0
  for (let i = 0; i < to.length; i += width) {
    for (let j = 0; j < width; j++) to[i + j] = from[start + j * step]!
    for (let axis = rank - 2; axis >= 0; axis--) {
      start += steps[axis]!
      if (++index[axis]! < dims[axis]!) break
      start -= steps[axis]! * dims[axis]!
      index[axis] = 0
    }
  }
  return out === undefined ? made : copy(made, { out, at: dims.map(() => 0) })
}
