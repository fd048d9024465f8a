import { copy } from '../../reference/copy.ts'
import { gather } from '../../reference/gather.ts'
import { sizeOf } from '../../tensor/dims.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Columns that every device packs together. */
const UNIT = 32

/**
 * What groups are padded to where a device has no layout for them as they are, such as those of 16 columns in
 * GGUF's q6_K; undefined where that would more than double them, or groups of codes are no whole bytes.
 */
export function paddedGroup(columns: number, bits: number, group: number): number | undefined {
  const padded = Math.ceil(group / UNIT) * UNIT
  const whole = columns % group === 0 && (group * bits) % 8 === 0
  return whole && padded > group && padded <= 2 * group ? padded : undefined
}

/** Rows whose pieces of `length` become `padded` long, with zeros behind each: (…, pieces · padded). */
export function padPieces(x: Tensor, length: number, padded: number): Tensor {
  const [columns = 0, ...outer] = [...x.dims].reverse()
  const pieces = columns / length
  const y = x.device.empty(x.type, [...outer.reverse(), pieces * padded])
  const rows = sizeOf(outer) * pieces
  copy(x.reshape([rows, length]), { out: y.reshape([rows, padded]), at: [0, 0] })
  return y
}

/** The inverse of {@link padPieces}. */
export function cutPieces(x: Tensor, length: number, padded: number): Tensor {
  const [columns = 0, ...outer] = [...x.dims].reverse()
  const pieces = columns / padded
  const first = Int32Array.from({ length }, (_, i) => i)
  const index = x.device.upload({ type: 'int32', dims: [length], data: first })
  const cut = gather(x.reshape([sizeOf(outer) * pieces, padded]), index, { axis: 1 })
  return cut.reshape([...outer.reverse(), pieces * length])
}
