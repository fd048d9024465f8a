import type { DeviceKernels } from '../../device/kernels.ts'
import { room } from '../output.ts'
import type { Primitives } from '../primitives.ts'

/** `transpose`, where two neighbouring runs of axes change places. */
export function movement(primitives: Primitives): DeviceKernels {
  return {
    transpose(x, permutation, { out } = {}) {
      if (x.type !== 'float32' || out !== undefined) return undefined
      const swap = swappedAxes(permutation, x.dims)
      if (swap === undefined) return undefined
      const y = room(
        x.device,
        'float32',
        permutation.map(axis => x.dims[axis]!),
      )
      primitives.run('transpose', [y], [x], swap)
      return y
    },
  }
}

/** A permutation that swaps two neighbouring runs of axes, as (outer, a, b, inner). */
function swappedAxes(
  permutation: readonly number[],
  dims: readonly number[],
): [outer: number, a: number, b: number, inner: number] | undefined {
  const rank = dims.length
  if (permutation.length !== rank || new Set(permutation).size !== rank) return undefined
  if (permutation.some(axis => !Number.isInteger(axis) || axis < 0 || axis >= rank)) return undefined
  const first = permutation.findIndex((axis, i) => axis !== i)
  if (first === -1) return undefined
  let last = rank
  while (permutation[last - 1] === last - 1) last--
  const middle = permutation[first]!
  const rotated = permutation
    .slice(first, last)
    .every((axis, i) => axis === first + ((middle - first + i) % (last - first)))
  if (!rotated) return undefined
  const product = (from: number, to: number) => dims.slice(from, to).reduce((size, dim) => size * dim, 1)
  return [product(0, first), product(first, middle), product(middle, last), product(last, rank)]
}
