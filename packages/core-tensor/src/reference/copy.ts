import { kernel } from '../device/kernel.ts'
import { DTypeError, ShapeError } from '../errors.ts'
import { isWhole, stridesOf } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { apart, elements } from './elements.ts'

/**
 * Writes a block into a larger tensor in place, as caches that grow do.
 *
 * @param x  as many dimensions as `out`
 * @param options.out  receives the block; the same dtype
 * @param options.at  where the first element of `x` goes
 * @returns `out`
 * @throws {ShapeError} when the block does not fit there
 * @example
 * const out = new Tensor('float32', [0, 0, 0, 0], [2, 2])
 * copy(new Tensor('float32', [7], [1, 1]), { out, at: [1, 0] }).data // => Float32Array [0, 0, 7, 0]
 */
export const copy = /* @__PURE__ */ kernel('copy', copyReference)

function copyReference(x: Tensor, { out, at }: { out: Tensor; at: readonly number[] }): Tensor {
  if (x.type !== out.type) throw new DTypeError(`[copy] expected one dtype, got ${x.type} into ${out.type}`)
  const rank = x.dims.length
  const fits =
    rank === out.dims.length &&
    rank === at.length &&
    x.dims.every((dim, i) => isWhole(at[i], out.dims[i]! - dim))
  if (!fits) throw new ShapeError(`[copy] expected [${x.dims}] at [${at}] to lie inside [${out.dims}]`)
  const to = elements(out, 'copy')
  const from = apart(elements(x, 'copy'), to)
  if (rank === 0) {
    to[0] = from[0]!
    return out
  }
  const strides = stridesOf(out.dims)
  const width = x.dims[rank - 1]!
  const rows = width === 0 ? 0 : x.size / width
  for (let row = 0; row < rows; row++) {
    let rest = row
    let target = at[rank - 1]!
    for (let i = rank - 2; i >= 0; i--) {
      target += ((rest % x.dims[i]!) + at[i]!) * strides[i]!
      rest = Math.floor(rest / x.dims[i]!)
    }
    to.set(from.subarray(row * width, (row + 1) * width), target)
  }
  return out
}
