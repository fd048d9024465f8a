import { kernel } from '../device/kernel.ts'
import { DTypeError, ShapeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import { aroundAxis, isWhole } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { apart, elements } from './elements.ts'

/**
 * Picks entries of one axis by index, as an embedding does.
 *
 * @param x  any shape of elements of whole bytes
 * @param index  integers below the length of the axis
 * @returns the dims of `x` with those of `index` in the place of `axis`
 * @throws {ShapeError} when an index is out of range
 * @example
 * const table = new Tensor('float32', [1, 2, 3, 4], [2, 2])
 * gather(table, new Tensor('int32', [1, 1, 0], [3]), { axis: 0 }).data // => Float32Array [3, 4, 3, 4, 1, 2]
 */
export const gather = /* @__PURE__ */ kernel('gather', gatherReference)

function gatherReference(
  x: Tensor,
  index: Tensor,
  options: { axis: number; out?: Tensor | undefined },
): Tensor {
  const { outer, length, inner, axis } = aroundAxis(x.dims, options.axis, 'gather')
  const out =
    options.out ??
    x.device.empty(x.type, [...x.dims.slice(0, axis), ...index.dims, ...x.dims.slice(axis + 1)])
  if (out.type !== x.type) throw new DTypeError(`[gather] expected an out of ${x.type}, got ${out.type}`)
  if (out.size !== outer * index.size * inner)
    throw new ShapeError(
      `[gather] expected an out of ${outer * index.size * inner} elements, got [${out.dims}]`,
    )
  const to = elements(out, 'gather')
  const from = apart(elements(x, 'gather'), to)
  const indices = checkedIndices(index, length, 'gather')
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < indices.length; i++) {
      const start = (o * length + indices[i]!) * inner
      const target = (o * indices.length + i) * inner
      if (inner === 1) to[target] = from[start]!
      else to.set(from.subarray(start, start + inner), target)
    }
  }
  return out
}

/** The numbers of an index tensor, each checked against the axis that it points into. */
export function checkedIndices(index: Tensor, length: number, where: string): ArrayLike<number> {
  const indices = numbersOf(index)
  for (let i = 0; i < indices.length; i++) {
    const at = indices[i]!
    if (!isWhole(at, length - 1)) {
      throw new ShapeError(`[${where}] expected indices from 0 to ${length - 1}, got ${at}`)
    }
  }
  return indices
}
