import { ShapeError } from '../errors.ts'
import { aroundAxis, stridesOf } from '../tensor/dims.ts'

/** Where the group of an element lies in a tensor of per-group numbers: `row(r) + columns[c]`. */
export interface GroupIndex {
  row(row: number): number
  readonly columns: Uint32Array
}

/**
 * The shape of per-group numbers: `dims` with ⌈length / group⌉ groups along `axis`.
 *
 * @example
 * groupDims([4096, 100], 32, -1) // => [4096, 4]
 */
export function groupDims(dims: readonly number[], group: number, axis: number): number[] {
  const at = aroundAxis(dims, axis, 'groupDims').axis
  return dims.map((dim, i) => (i === at ? Math.ceil(dim / group) : dim))
}

/** Whether per-group numbers have one number a group, or are shared along some axes. */
export function fitsGroups(scaleDims: readonly number[], full: readonly number[]): boolean {
  return scaleDims.length === full.length && scaleDims.every((dim, i) => dim === 1 || dim === full[i])
}

/**
 * The map from elements to groups of `group` along `axis`; the last group may be short, and axes
 * on which the per-group numbers have length 1 share them.
 *
 * @throws {ShapeError} when `scaleDims` does not fit
 */
export function groupIndex(
  dims: readonly number[],
  scaleDims: readonly number[],
  group: number,
  axis: number,
  where: string,
): GroupIndex {
  if (!Number.isSafeInteger(group) || group < 1)
    throw new ShapeError(`[${where}] expected a group of at least 1, got ${group}`)
  const at = aroundAxis(dims, axis, where).axis
  const full = groupDims(dims, group, at)
  if (!fitsGroups(scaleDims, full)) {
    throw new ShapeError(
      `[${where}] expected scales of [${full}] (or 1 on shared axes) for [${dims}] in groups of ${group} along axis ${at}, got [${scaleDims}]`,
    )
  }
  const strides = stridesOf(scaleDims)
  const last = dims.length - 1
  const columns = Uint32Array.from(
    { length: dims[last]! },
    (_, c) => strides[last]! * (last === at ? Math.floor(c / group) : c),
  )
  const row = (index: number) => {
    let offset = 0
    for (let i = last - 1; i >= 0; i--) {
      const coordinate = index % dims[i]!
      index = (index - coordinate) / dims[i]!
      offset += strides[i]! * (i === at ? Math.floor(coordinate / group) : coordinate)
    }
    return offset
  }
  return { row, columns }
}
