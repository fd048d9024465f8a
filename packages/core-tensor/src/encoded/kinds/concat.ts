import { cast } from '../../reference/cast.ts'
import { copy } from '../../reference/copy.ts'
import { sizeOf } from '../../tensor/dims.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import {
  type DecodeOptions,
  decode,
  deviceOf,
  type Encoded,
  type Encoding,
  encoded,
  type LinearOptions,
  linear,
} from '../encoded.ts'
import { linearTiled } from '../linear-tiled.ts'
import { output } from '../output.ts'
import {
  decoded,
  malformed,
  metaInteger,
  numbered,
  part,
  requireFloats,
  rowRange,
  terms,
  withRowCount,
} from '../parts.ts'
import { isRange, type RowSelection, rowCount, type SelectRows } from '../row-selection.ts'
import { permutedEncoding } from './permuted.ts'

/**
 * Blocks side by side along an axis: caches that grow, stacks of experts, q, k and v in one.
 *
 * @param axis  a negative one counts from the end
 * @param blocks  of one shape but for `axis`
 * @throws {FormatError} when the blocks do not fit each other
 * @example
 * const left = new Tensor('float32', [1, 2], [2, 1])
 * const right = new Tensor('float32', [3, 4], [2, 1])
 * decode(concat(1, left, right)).data // => Float32Array [1, 3, 2, 4]
 */
export function concat(axis: number, ...blocks: (Tensor | Encoded)[]): Encoded {
  const parts = numbered('concat', blocks)
  const first = blocks[0]?.dims ?? []
  const at = axis < 0 ? axis + first.length : axis
  const total = blocks.reduce((sum, block) => sum + (block.dims[at] ?? 0), 0)
  const dims = first.map((dim, i) => (i === at ? total : dim))
  return encoded(concatEncoding, 'float32', dims, parts, { axis: at })
}

/** The kind of {@link concat}. */
export const concatEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'concat',
  check: checkConcat,
  decode: decodeConcat,
  linear: linearConcat,
  selectRows: selectConcat,
})

function checkConcat(e: Encoded): void {
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  const blocks = terms(e)
  const fit = blocks.every(
    ({ dims }) => dims.length === e.dims.length && dims.every((dim, i) => i === axis || dim === e.dims[i]),
  )
  const total = blocks.reduce((sum, block) => sum + (block.dims[axis] ?? 0), 0)
  if (blocks.length === 0 || !fit || total !== e.dims[axis])
    throw malformed(e, `expected blocks that fill axis ${axis}`)
  requireFloats(e, blocks)
}

function decodeConcat(e: Encoded, options: DecodeOptions = {}): Tensor {
  const axis = e.meta.axis as number
  const [start, end] = rowRange(e, options)
  const device = deviceOf(e, options)
  const whole = device.empty('float32', [end - start, ...e.dims.slice(1)])
  let from = 0
  for (const block of terms(e)) {
    const length = block.dims[axis]!
    const rows =
      axis === 0
        ? ([Math.max(start - from, 0), Math.min(end - from, length)] as const)
        : ([start, end] as const)
    if (rows[0] < rows[1]) {
      const at = e.dims.map((_, i) => (i !== axis ? 0 : axis === 0 ? Math.max(from - start, 0) : from))
      copy(cast(decode(block, { rows, device }), 'float32'), { out: whole, at })
    }
    from += length
  }
  return decoded(e, whole, options)
}

/** Blocks along the output dimension give blocks of the result; along the input one they go tile by tile. */
function linearConcat(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false, order = 'free' } = options
  const outer = transpose ? 1 : 0
  if (e.meta.axis !== outer) return linearTiled(x, e, options)
  const batchDims = x.dims.slice(0, -1)
  const batch = sizeOf(batchDims)
  const y = x.device.empty('float32', [...batchDims, e.dims[outer]!])
  const flat = y.reshape([batch, e.dims[outer]!])
  let from = 0
  for (const block of terms(e)) {
    const columns = cast(linear(x, block, { transpose, order }), 'float32')
    copy(columns.reshape([batch, block.dims[outer]!]), { out: flat, at: [0, from] })
    from += block.dims[outer]!
  }
  return output('linear', y, options)
}

function selectConcat(e: Encoded, rows: RowSelection, select: SelectRows): Encoded {
  if (e.meta.axis !== 0) {
    const blocks = terms(e).map(block => select(block, rows))
    return withRowCount(e, rowCount(rows), numbered('concat', blocks))
  }
  return isRange(rows) ? blocksOfRange(e, rows, select) : blocksOfList(e, rows, select)
}

function blocksOfRange(e: Encoded, [start, end]: readonly [number, number], select: SelectRows): Encoded {
  const blocks: (Tensor | Encoded)[] = []
  let from = 0
  for (const block of terms(e)) {
    const count = block.dims[0]!
    const own = [Math.max(start - from, 0), Math.min(end - from, count)] as const
    if (own[0] < own[1]) blocks.push(select(block, own))
    from += count
  }
  return stacked(e, end - start, blocks, select)
}

/** Each block gives the rows that it has; where the selection mixes blocks, a permutation puts them in order. */
function blocksOfList(e: Encoded, rows: Int32Array, select: SelectRows): Encoded {
  const blocks: (Tensor | Encoded)[] = []
  const index = new Int32Array(rows.length)
  let placed = 0
  let from = 0
  for (const block of terms(e)) {
    const until = from + block.dims[0]!
    const first = placed
    rows.forEach((row, i) => {
      if (row >= from && row < until) index[i] = placed++
    })
    if (placed > first)
      blocks.push(
        select(
          block,
          rows.filter(row => row >= from && row < until).map(row => row - from),
        ),
      )
    from = until
  }
  const base = stacked(e, rows.length, blocks, select)
  if (index.every((at, i) => at === i)) return base
  const order = deviceOf(e, {}).upload({ type: 'int32', dims: [rows.length], data: index })
  return encoded(permutedEncoding, e.type, base.dims, { base, index: order }, { axis: 0 })
}

/** Blocks on top of each other; at least one, although nothing is selected. */
function stacked(e: Encoded, count: number, blocks: (Tensor | Encoded)[], select: SelectRows): Encoded {
  const some = blocks.length > 0 ? blocks : [select(part(e, '0'), [0, 0])]
  return encoded(e.encoding, e.type, [count, ...e.dims.slice(1)], numbered('concat', some), e.meta)
}
