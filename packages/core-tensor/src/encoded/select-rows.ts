import { cast } from '../reference/cast.ts'
import { gather } from '../reference/gather.ts'
import { dtypeBits } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { decode, deviceOf, type Encoded, isEncoded, requireWeight } from './encoded.ts'
import { isRange, type RowSelection, requireRows } from './row-selection.ts'

/**
 * A weight with some rows of another, in any order: the heads of a projection turned around, q out of
 * q, k and v in one, the tokens that a vocabulary keeps. Exact: it decodes to these rows of what the
 * weight decodes to, bit for bit.
 *
 * It stays compressed where the rows of every part can be picked: all kinds do so with matrices,
 * but for `hadamard`, for `affine` and `codebook` with groups down the rows that the selection breaks
 * up, and for what an entropy coder made shorter, of which those parts are decoded. What cannot, and
 * vectors of grouped codes, becomes the tensor that these rows decode to. Of a `concat` and of a
 * `permuted` along the rows, only those remain that are selected.
 *
 * @param weight  (rows, …)
 * @param rows  their numbers in the new order, each any number of times; or `[start, end]`, which shares the
 *   memory of the weight wherever rows begin on a byte
 * @throws {ShapeError} when there is no such row
 * @throws {DTypeError} when the weight is neither a tensor nor an encoding
 * @example
 * const scale = new Tensor('float32', [1, 2, 3], [3, 1])
 * const codes = new Tensor('uint8', [0x21, 0x43, 0x65], [3, 1])
 * const weight = affine({ codes, scale }, { dims: [3, 2], bits: 4, group: 2, axis: 1 })
 * decode(selectRows(weight, Int32Array.of(2, 0))).data // => Float32Array [15, 18, 1, 2]
 * decode(selectRows(weight, [1, 3])).data // => Float32Array [6, 8, 15, 18]
 */
export function selectRows(weight: Tensor, rows: RowSelection): Tensor
export function selectRows(weight: Tensor | Encoded, rows: RowSelection): Tensor | Encoded
export function selectRows(weight: Tensor | Encoded, rows: RowSelection): Tensor | Encoded {
  requireWeight(weight, 'selectRows')
  requireRows(rows, weight.dims[0] ?? 0)
  if (!isEncoded(weight)) return weight.device.scope(() => tensorRows(weight, rows))
  return deviceOf(weight, {}).scope(() => {
    return weight.encoding.selectRows?.(weight, rows, selectRows) ?? decodedRows(weight, rows)
  })
}

function tensorRows(tensor: Tensor, rows: RowSelection): Tensor {
  const rowBits = (tensor.size / (tensor.dims[0] || 1)) * dtypeBits[tensor.type]
  if (isRange(rows) && (rows[0] * rowBits) % 8 === 0) return tensor.rows(...rows)
  if (dtypeBits[tensor.type] < 8) return cast(tensorRows(cast(tensor, 'int8'), rows) as Tensor, tensor.type)
  if (isRange(rows)) return tensor.rows(...rows)
  const index = tensor.device.upload({ type: 'int32', dims: [rows.length], data: rows })
  return gather(tensor, index, { axis: 0 })
}

function decodedRows(e: Encoded, rows: RowSelection): Tensor {
  return isRange(rows) ? decode(e, { rows }) : tensorRows(decode(e), rows)
}
