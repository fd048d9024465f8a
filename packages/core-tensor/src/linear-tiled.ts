import type { Encoded, LinearOptions } from './encoded.ts'
import { binary } from './reference/binary.ts'
import { copy } from './reference/copy.ts'
import { matmul } from './reference/matmul.ts'
import { transpose } from './reference/transpose.ts'
import type { Tensor } from './tensor.ts'

/** Elements of a weight that are decoded at a time. */
const TILE_ELEMENTS = 1 << 16

/**
 * `linear` for any encoding: decodes some rows of the weight, multiplies, and goes on, so that a
 * weight is never whole in memory. It is the reference of the linear kernels.
 *
 * @param x  (…, in)
 * @param w  (out, in); (in, out) with `transpose`
 */
export function linearTiled(x: Tensor, w: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose: transposed = false, order = 'free', out, accumulate = false } = options
  return x.device.scope(() => {
    const y = transposed ? product(x, w, order) : productTransposed(x, w, order)
    if (out === undefined) return y
    return accumulate ? binary('add', out, y, { out }) : copy(y, { out, at: out.dims.map(() => 0) })
  })
}

type SumOrder = NonNullable<LinearOptions['order']>

/** x·wᵀ: each tile of w gives some columns of the result. */
function productTransposed(x: Tensor, w: Encoded, order: SumOrder): Tensor {
  const [n, k] = w.dims as [number, number]
  const batch = x.size / Math.max(k, 1)
  const rows = x.reshape([batch, k])
  const y = x.device.empty('float32', [batch, n])
  for (const [start, end] of tiles(n, k)) {
    x.device.scope(() => {
      const tile = w.encoding.decode(w, { rows: [start, end] })
      copy(matmul(rows, tile, { transposeB: true, order }), { out: y, at: [0, start] })
    })
  }
  return y.reshape([...x.dims.slice(0, -1), n])
}

/** x·w: each tile of w meets some columns of x, and the products add up. */
function product(x: Tensor, w: Encoded, order: SumOrder): Tensor {
  const [k, n] = w.dims as [number, number]
  const batch = x.size / Math.max(k, 1)
  const y = x.device.empty('float32', [batch, n])
  const columns = transpose(x.reshape([batch, k]), [1, 0])
  // In sequential order a sum must not be cut into sums of tiles.
  for (const [start, end] of order === 'sequential' ? [[0, k] as const] : tiles(k, n)) {
    x.device.scope(() => {
      const tile = w.encoding.decode(w, { rows: [start, end] })
      matmul(columns.rows(start, end), tile, { transposeA: true, order, out: y, accumulate: true })
    })
  }
  return y.reshape([...x.dims.slice(0, -1), n])
}

function* tiles(rows: number, columns: number): Generator<readonly [start: number, end: number]> {
  const step = Math.max(1, Math.floor(TILE_ELEMENTS / Math.max(columns, 1)))
  for (let start = 0; start < rows; start += step) yield [start, Math.min(rows, start + step)]
}
