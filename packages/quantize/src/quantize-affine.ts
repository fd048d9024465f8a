import { affine, asTensor, type Encoded, requireHost, ShapeError, type TensorLike, toFloat32 } from '@tersor/core-tensor'
import { quantizeAffine as affineCodes } from '@tersor/core-tensor/reference'
import type { AffineRangeOptions } from './affine-range.ts'
import { groupRanges, rangeParts } from './group-ranges.ts'

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
  const { bits, groupSize = 32 } = options
  const tensor = asTensor(weight)
  requireHost(tensor, WHERE)
  checkBits(bits, WHERE)
  if (tensor.dims.length === 0) throw new ShapeError(`[${WHERE}] expected at least one dimension, got a scalar`)
  const dims = groupSize === 'tensor' ? [tensor.size] : tensor.dims
  const axis = groupSize === 'tensor' ? 0 : positive(options.axis ?? -1, dims.length)
  const group = checkGroup(typeof groupSize === 'number' ? groupSize : dims[axis]!, WHERE)
  const values = toFloat32(tensor)
  const ranges = groupRanges(values, dims, group, axis, options, WHERE)
  const shape = tensor.dims
  const placed =
    groupSize === 'tensor'
      ? { ranges: { ...ranges, dims: shape.map(() => 1) }, group: Math.max(1, shape.at(-1)!), axis: shape.length - 1 }
      : { ranges, group, axis }
  const parts = rangeParts(placed.ranges, options)
  const device = tensor.device
  const uploaded = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, device.upload(part)])) as typeof parts
  const { scale, ...rest } = uploaded
  const codes = affineCodes(tensor, scale, { bits, group: placed.group, axis: placed.axis, ...rest })
  return affine({ codes, ...uploaded }, { dims: shape, bits, group: placed.group, axis: placed.axis })
}

/** @throws {ShapeError} unless bits are whole, from 2 to 8 */
export function checkBits(bits: number, where: string): void {
  if (!Number.isInteger(bits) || bits < 2 || bits > 8) throw new ShapeError(`[${where}] expected 2 to 8 bits, got ${bits}`)
}

/** @throws {ShapeError} unless a group is whole and positive */
export function checkGroup(group: number, where: string): number {
  if (!Number.isSafeInteger(group) || group < 1) {
    throw new ShapeError(`[${where}] expected groupSize to be a whole number ≥ 1, 'channel' or 'tensor', got ${group}`)
  }
  return group
}

function positive(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(at) || at < 0 || at >= rank) throw new ShapeError(`[${WHERE}] expected an axis of ${rank} dimensions, got ${axis}`)
  return at
}
