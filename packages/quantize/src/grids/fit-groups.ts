import { aroundAxis, groupDims, NumericalError, ShapeError, sizeOf } from '@tersor/core-tensor'
import type { Grid, GroupLayout } from './grid.ts'

/** Weights that share a range: a number of them along an axis, a whole `channel`, or the whole `tensor`. */
export type GroupSize = number | 'channel' | 'tensor'

/**
 * How a group size cuts a tensor along an axis.
 *
 * @throws {ShapeError} for a scalar, or an axis that the tensor does not have
 */
export function groupLayout(
  dims: readonly number[],
  groupSize: GroupSize,
  axis: number,
  where: string,
): GroupLayout {
  if (dims.length === 0) throw new ShapeError(`[${where}] expected at least one dimension, got a scalar`)
  const last = dims.length - 1
  if (groupSize === 'tensor') {
    return { dims, group: Math.max(1, dims[last]!), axis: last, rangeDims: dims.map(() => 1) }
  }
  const { axis: at, length } = aroundAxis(dims, axis, where)
  const group = groupSize === 'channel' ? Math.max(1, length) : groupSize
  return { dims, group, axis: at, rangeDims: groupDims(dims, group, at) }
}

/** Room for the ranges of all groups. */
export function emptyRanges(grid: Grid, { rangeDims }: GroupLayout): Float32Array {
  return new Float32Array(grid.width * sizeOf(rangeDims))
}

/**
 * Finds the range of every group.
 *
 * @param importance  (length of the axis) how much the errors of its entries count
 * @throws {NumericalError} when a weight is not finite
 */
export function fitGroups(
  grid: Grid,
  values: Float32Array,
  layout: GroupLayout,
  where: string,
  importance?: Float64Array,
): Float32Array {
  const ranges = emptyRanges(grid, layout)
  requireFinite(values, where)
  if (sizeOf(layout.rangeDims) === 1 && values.length > 0) {
    grid.fit(values, ranges, 0, importance)
    return ranges
  }
  const { outer, length, inner } = aroundAxis(layout.dims, layout.axis, where)
  const members = new Float32Array(Math.min(layout.group, length))
  let at = 0
  for (let o = 0; o < outer; o++) {
    for (let start = 0; start < length; start += layout.group) {
      const count = Math.min(layout.group, length - start)
      for (let i = 0; i < inner; i++) {
        for (let j = 0; j < count; j++) members[j] = values[(o * length + start + j) * inner + i]!
        grid.fit(members.subarray(0, count), ranges, at, importance?.subarray(start, start + count))
        at += grid.width
      }
    }
  }
  return ranges
}

/** @throws {NumericalError} when a weight is not finite */
export function requireFinite(values: ArrayLike<number>, where: string): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new NumericalError(
        `[${where}] expected finite weights, got ${values[i]}; repair the tensor first`,
      )
    }
  }
}
