import { cast } from '../../reference/cast.ts'
import { gather } from '../../reference/gather.ts'
import { scatterAdd } from '../../reference/scatter-add.ts'
import { numbersOf, toFloat32 } from '../../tensor/convert.ts'
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
  requireWeight,
} from '../encoded.ts'
import { linearTiled } from '../linear-tiled.ts'
import { output } from '../output.ts'
import {
  basePart,
  decoded,
  malformed,
  metaInteger,
  part,
  requireFloats,
  rowRange,
  shapedPart,
  tensorPart,
  withRowCount,
} from '../parts.ts'
import { type RowSelection, rowCount, rowList, type SelectRows } from '../row-selection.ts'
import { dense } from './dense.ts'

/**
 * a with the entries of an axis reordered: entry i is entry index[i] of `base`.
 *
 * @param base  any shape with at least one dimension
 * @param index  int32 (length of `axis`), a permutation
 * @param axis  a negative one counts from the end
 * @throws {FormatError} when `index` is not a permutation of the axis
 * @example
 * const base = new Tensor('float32', [1, 2, 3], [1, 3])
 * decode(permuted(base, new Tensor('int32', [2, 0, 1], [3]), 1)).data // => Float32Array [3, 1, 2]
 */
export function permuted(base: Tensor | Encoded, index: Tensor, axis: number): Encoded {
  requireWeight(base, 'permuted')
  const at = axis < 0 ? axis + base.dims.length : axis
  return encoded(permutedEncoding, 'float32', base.dims, { base, index }, { axis: at })
}

/** The kind of {@link permuted}. */
export const permutedEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'permuted',
  check: checkPermuted,
  decode: decodePermuted,
  linear: linearPermuted,
  selectRows: selectPermuted,
})

function checkPermuted(e: Encoded): void {
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  shapedPart(e, 'index', [e.dims[axis]!], 'int32')
  const index = tensorPart(e, 'index')
  const base = basePart(e)
  requireFloats(e, [base])
  if (!index.device.host) return
  const seen = new Uint8Array(index.size)
  for (const at of numbersOf(index)) {
    if (seen[at] !== 0) throw malformed(e, 'expected the index to be a permutation')
    seen[at] = 1
  }
}

function decodePermuted(e: Encoded, options: DecodeOptions = {}): Tensor {
  const axis = e.meta.axis as number
  const rows = rowRange(e, options)
  const device = deviceOf(e, options)
  const index = tensorPart(e, 'index')
  const base = decode(part(e, 'base'), axis === 0 ? { device } : { rows, device })
  return decoded(e, gather(base, axis === 0 ? index.rows(...rows) : index, { axis }), options)
}

/**
 * Permuted outputs are picked from the product with `base`, permuted inputs are sent back to their
 * places in x; but a sum in order must not be reordered.
 */
function linearPermuted(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false, order = 'free' } = options
  const inner = transpose ? 0 : 1
  if (e.meta.axis === inner && order === 'sequential') return linearTiled(x, e, options)
  const base = part(e, 'base')
  const index = tensorPart(e, 'index')
  const { device } = x
  if (e.meta.axis === inner) {
    const out = device.empty('float32', x.dims)
    const back = device.host
      ? putBack(x, index, out)
      : scatterAdd(cast(x, 'float32'), index, { out, axis: -1 })
    return linear(back, base, options)
  }
  return output('linear', gather(linear(x, base, { transpose, order }), index, { axis: -1 }), options)
}

/** Sends element i of each row to where `index` says, without adding: nothing else is there. */
function putBack(x: Tensor, index: Tensor, out: Tensor): Tensor {
  const [from, to] = [toFloat32(x), out.data as Float32Array]
  const places = index.data as Int32Array
  const { length } = places
  for (let row = 0; row < from.length; row += length)
    for (let i = 0; i < length; i++) to[row + places[i]!] = from[row + i]!
  return out
}

/** Along the rows the index is worked into the selection, and no permutation is left. */
function selectPermuted(e: Encoded, rows: RowSelection, select: SelectRows): Tensor | Encoded {
  if (e.meta.axis !== 0) return withRowCount(e, rowCount(rows), { base: select(part(e, 'base'), rows) })
  const index = numbersOf(tensorPart(e, 'index'))
  const picked = select(
    part(e, 'base'),
    rowList(rows).map(row => index[row]!),
  )
  return picked.type === e.type ? picked : dense(picked, { type: e.type })
}
