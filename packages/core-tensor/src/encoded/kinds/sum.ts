import { binary } from '../../reference/binary.ts'
import { cast } from '../../reference/cast.ts'
import { sameDims } from '../../tensor/dims.ts'
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
import { output } from '../output.ts'
import { decoded, malformed, numbered, requireFloats, terms, withRowCount } from '../parts.ts'
import { type RowSelection, rowCount, type SelectRows } from '../row-selection.ts'

/**
 * a + b + …, added in order: a quantised weight with a low-rank repair, residual codebooks.
 *
 * @param items  at least one, all of one shape; tensors are floats
 * @throws {FormatError} when the shapes differ
 * @example
 * const a = new Tensor('float32', [1, 2], [2])
 * decode(sum(a, a, a)).data // => Float32Array [3, 6]
 */
export function sum(...items: (Tensor | Encoded)[]): Encoded {
  return encoded(sumEncoding, 'float32', items[0]?.dims ?? [], numbered('sum', items), {})
}

/** The kind of {@link sum}. */
export const sumEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'sum',
  check: checkSum,
  decode: decodeSum,
  linear: linearSum,
  selectRows: selectSum,
})

function checkSum(e: Encoded): void {
  const items = terms(e)
  if (items.length === 0 || items.some(item => !sameDims(item.dims, e.dims)))
    throw malformed(e, 'expected terms of one shape')
  requireFloats(e, items)
}

function decodeSum(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { out: _, ...rest } = options
  const device = deviceOf(e, options)
  const [first, ...others] = terms(e) as [Tensor | Encoded, ...(Tensor | Encoded)[]]
  // Cast copies: the whole must not be the memory of a term.
  let total = cast(decode(first, { ...rest, device }), 'float32')
  for (const term of others) total = binary('add', total, decode(term, { ...rest, device }))
  return decoded(e, total, options)
}

/** x·(a + b)ᵀ = x·aᵀ + x·bᵀ: every term adds into the same buffer. */
function linearSum(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false, order = 'free' } = options
  const [first, ...others] = terms(e) as [Tensor | Encoded, ...(Tensor | Encoded)[]]
  const y = linear(x, first, { transpose, order })
  for (const term of others) linear(x, term, { transpose, order, out: y, accumulate: true })
  return output('linear', y, options)
}

function selectSum(e: Encoded, rows: RowSelection, select: SelectRows): Encoded {
  const some = terms(e).map(term => select(term, rows))
  return withRowCount(e, rowCount(rows), numbered('sum', some))
}
