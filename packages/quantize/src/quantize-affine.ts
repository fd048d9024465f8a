import {
  affine,
  aroundAxis,
  asTensor,
  type Encoded,
  requireHost,
  ShapeError,
  type Tensor,
  type TensorLike,
  toFloat32,
} from '@tersor/core-tensor'
import { quantizeAffine as affineCodes } from '@tersor/core-tensor/reference'
import type { AffineRangeOptions } from './affine-range.ts'
import { type GroupRanges, groupRanges, rangeParts } from './group-ranges.ts'

export interface QuantizeAffineOptions extends AffineRangeOptions {
  /**
   * Weights along `axis` that share a scale: a number, a whole `channel`, or the whole `tensor`.
   * 32 by default; the last group of a row may be short.
   */
  groupSize?: number | 'channel' | 'tensor'
  /** The axis that groups run along, the last one by default. */
  axis?: number
}

const WHERE = 'quantize/affine'

/**
 * Rounds a tensor to codes on a line for each group: round-to-nearest quantisation.
 *
 * Use it without calibration data, down to about 4 bits, and for key–value caches; below that
 * {@link gptq} loses less at the same size. Synchronous: one pass over the weight.
 *
 * code = roundTiesToEven(fround(fround(w − offset) / scale)) + zero, clamped to 0 … 2^bits − 1, and
 * back: (code − zero) · scale + offset. The same bytes on every host device.
 *
 * @param weight  any shape with at least one dimension; read as float32
 * @returns `affine`, whose size is bits + scale bits / groupSize (+ zero) a weight
 * @throws {ShapeError} when an option is out of range
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [-1, -0.4, 0.1, 0.5, 0, 1.2, 2, 3], [2, 4])
 * const small = quantizeAffine(weight, { bits: 2, groupSize: 4 })
 * decode(small).data // => Float32Array [-1, -0.5, 0, 0.5, 0, 1, 2, 3]
 */
export function quantizeAffine(weight: TensorLike, options: QuantizeAffineOptions): Encoded {
  const tensor = asTensor(weight)
  requireHost(tensor, WHERE)
  checkBits(options.bits, WHERE)
  const { dims, device } = tensor
  if (dims.length === 0) throw new ShapeError(`[${WHERE}] expected at least one dimension, got a scalar`)
  const { ranges, group, axis } = rangesOf(tensor, options)
  const parts = rangeParts(ranges, options, device)
  const { scale, ...rest } = parts
  const codes = affineCodes(tensor, scale, { bits: options.bits, group, axis, ...rest })
  return affine({ codes, ...parts }, { dims, bits: options.bits, group, axis })
}

function rangesOf(
  tensor: Tensor,
  options: QuantizeAffineOptions,
): { ranges: GroupRanges; group: number; axis: number } {
  const { groupSize = 32 } = options
  const { dims, size } = tensor
  const values = toFloat32(tensor)
  if (groupSize === 'tensor') {
    // One group over everything; on every axis its numbers are shared.
    const ranges = groupRanges(values, [size], Math.max(1, size), 0, options, WHERE)
    return {
      ranges: { ...ranges, dims: dims.map(() => 1) },
      group: Math.max(1, dims.at(-1)!),
      axis: dims.length - 1,
    }
  }
  const { axis, length } = aroundAxis(dims, options.axis ?? -1, WHERE)
  const group = checkGroup(groupSize === 'channel' ? Math.max(1, length) : groupSize, WHERE)
  return { ranges: groupRanges(values, dims, group, axis, options, WHERE), group, axis }
}

/** @throws {ShapeError} unless bits are whole, from 2 to 8 */
export function checkBits(bits: number, where: string): void {
  if (!Number.isInteger(bits) || bits < 2 || bits > 8)
    throw new ShapeError(`[${where}] expected 2 to 8 bits, got ${bits}`)
}

/** @throws {ShapeError} unless a group is whole and positive */
export function checkGroup(group: number, where: string): number {
  if (!Number.isSafeInteger(group) || group < 1) {
    throw new ShapeError(
      `[${where}] expected groupSize to be a whole number ≥ 1, 'channel' or 'tensor', got ${group}`,
    )
  }
  return group
}
