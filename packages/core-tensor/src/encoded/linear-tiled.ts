import { cast } from '../reference/cast.ts'
import { copy } from '../reference/copy.ts'
import { matmul } from '../reference/matmul.ts'
import { transpose } from '../reference/transpose.ts'
import { sizeOf } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Encoded, LinearOptions } from './encoded.ts'
import { output } from './output.ts'
import { tiles } from './tiles.ts'

/**
 * `linear` for any encoding: decodes some rows of the weight, multiplies, and goes on, so that a
 * weight is never whole in memory. It is the reference of the linear kernels.
 *
 * With `transpose` the rows are summed over, and `order: 'sequential'` then decodes all at once,
 * because a sum in order must not be cut into sums of tiles.
 *
 * @param x  (…, in)
 * @param w  (out, in); (in, out) with `transpose`
 * @returns (…, out) float32
 */
export function linearTiled(x: Tensor, w: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose: transposed = false, order = 'free' } = options
  const { device } = x
  return device.scope(() => {
    const batchDims = x.dims.slice(0, -1)
    const rows = (x.type === 'float32' ? x : cast(x, 'float32')).reshape([sizeOf(batchDims), x.dims.at(-1)!])
    const y = device.empty('float32', [...batchDims, transposed ? w.dims[1]! : w.dims[0]!])
    const flat = y.reshape([rows.dims[0]!, y.dims.at(-1)!])
    if (transposed) multiply(rows, w, flat, order)
    else multiplyTransposed(rows, w, flat, order)
    return output('linear', y, options)
  })
}

type SumOrder = NonNullable<LinearOptions['order']>

/** y = x·wᵀ, x (batch, k) and w (n, k): each tile of w gives some columns of y. */
function multiplyTransposed(x: Tensor, w: Encoded, y: Tensor, order: SumOrder): void {
  const [n, k] = w.dims as [number, number]
  const { device } = x
  for (const [start, end] of tiles(n, k)) {
    device.scope(() => {
      const tile = w.encoding.decode(w, { rows: [start, end], device })
      copy(matmul(x, tile, { transposeB: true, order }), { out: y, at: [0, start] })
    })
  }
}

/** y += x·w, x (batch, k) and w (k, n): each tile of w meets some columns of x, and the products add up. */
function multiply(x: Tensor, w: Encoded, y: Tensor, order: SumOrder): void {
  const [k, n] = w.dims as [number, number]
  const { device } = x
  const columns = transpose(x, [1, 0])
  for (const [start, end] of order === 'sequential' ? [[0, k] as const] : tiles(k, n)) {
    device.scope(() => {
      const tile = w.encoding.decode(w, { rows: [start, end], device })
      matmul(columns.rows(start, end), tile, { transposeA: true, order, out: y, accumulate: true })
    })
  }
}
