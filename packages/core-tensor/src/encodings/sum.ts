import { binary } from '../reference/binary.ts'
import { decode, type DecodeOptions, type Encoded, type Encoding, encoded, linear, type LinearOptions } from '../encoded.ts'
import { sameDims } from '../dims.ts'
import type { Tensor } from '../tensor.ts'
import { decoded, malformed, numbered, terms } from './parts.ts'

/**
 * a + b + …, added in order: a quantised weight with a low-rank repair, residual codebooks.
 *
 * @param items  at least one, all of one shape
 */
export function sum(...items: (Tensor | Encoded)[]): Encoded {
  return encoded(sumEncoding, 'float32', items[0]?.dims ?? [], numbered(items), {})
}

/** The kind of {@link sum}. */
export const sumEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'sum',
  check: checkSum,
  decode: decodeSum,
  linear: linearSum,
})

function checkSum(e: Encoded): void {
  const items = terms(e)
  if (items.length === 0 || items.some(item => !sameDims(item.dims, e.dims))) throw malformed(e, 'expected terms of one shape')
}

function decodeSum(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { out, ...rest } = options
  const [first, ...others] = terms(e).map(item => decode(item, rest)) as [Tensor, ...Tensor[]]
  let total = first
  for (const term of others) total = binary('add', total, term)
  return decoded(e, total, options)
}

function linearSum(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const [first, ...others] = terms(e) as [Tensor | Encoded, ...(Tensor | Encoded)[]]
  const y = linear(x, first, options)
  for (const term of others) linear(x, term, { ...options, out: y, accumulate: true })
  return y
}
