import { aroundAxis, type Device, type DType, groupDims, Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { type AffineRangeOptions, affineRange } from './affine-range.ts'

/** The ranges of all groups of a tensor, each array of the shape `dims`. */
export interface GroupRanges {
  readonly dims: readonly number[]
  readonly scale: Float32Array
  readonly zero: Uint8Array
  readonly offset: Float32Array
}

/** Room for the ranges of a tensor in groups of `group` along `axis`. */
export function emptyRanges(dims: readonly number[], group: number, axis: number): GroupRanges {
  const scaleDims = groupDims(dims, group, axis)
  const count = scaleDims.reduce((a, b) => a * b, 1)
  return {
    dims: scaleDims,
    scale: new Float32Array(count),
    zero: new Uint8Array(count),
    offset: new Float32Array(count),
  }
}

/**
 * Finds the range of every group of `group` elements along `axis`; the last group may be short.
 *
 * @param importance  (length of `axis`) how much the errors of its entries count
 */
export function groupRanges(
  values: Float32Array,
  dims: readonly number[],
  group: number,
  axis: number,
  options: AffineRangeOptions,
  where: string,
  importance?: ArrayLike<number>,
): GroupRanges {
  const found = emptyRanges(dims, group, axis)
  const { outer, length, inner } = aroundAxis(dims, axis, where)
  const members = new Float32Array(Math.min(group, length))
  const shares = importance === undefined ? undefined : Float64Array.from(importance)
  let at = 0
  for (let o = 0; o < outer; o++) {
    for (let start = 0; start < length; start += group) {
      const count = Math.min(group, length - start)
      for (let i = 0; i < inner; i++) {
        for (let j = 0; j < count; j++) members[j] = values[(o * length + start + j) * inner + i]!
        const range = affineRange(
          members.subarray(0, count),
          options,
          where,
          shares?.subarray(start, start + count),
        )
        found.scale[at] = range.scale
        found.zero[at] = range.zero
        found.offset[at] = range.offset
        at++
      }
    }
  }
  return found
}

/** Ranges as the parts of an `affine` encoding on a device; a zero or offset that is 0 everywhere is left out. */
export function rangeParts(
  { dims, scale, zero, offset }: GroupRanges,
  { bits, scaleType = 'float16' }: AffineRangeOptions,
  device: Device,
): { scale: Tensor; zero?: Tensor; offset?: Tensor } {
  const stored = (values: Float32Array | Uint8Array, type: DType) =>
    device.upload(cast(new Tensor(values instanceof Uint8Array ? 'uint8' : 'float32', values, dims), type))
  return {
    scale: stored(scale, scaleType),
    ...(zero.some(Boolean) ? { zero: stored(zero, bits <= 4 ? 'uint4' : 'uint8') } : {}),
    ...(offset.some(Boolean) ? { offset: stored(offset, scaleType) } : {}),
  }
}
