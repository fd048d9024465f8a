import { cast } from '../../reference/cast.ts'
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
import { decoded, malformed, numbered, part, requireFloats, terms, withRowCount } from '../parts.ts'
import { type RowSelection, rowCount, type SelectRows } from '../row-selection.ts'

/**
 * The matrix product a·b·…: low rank, or a quantised weight in rotated coordinates.
 *
 * @param factors  matrices (m, k), (k, l), … whose inner dimensions meet; tensors are floats
 * @throws {FormatError} when they do not meet
 * @example
 * const column = new Tensor('float32', [1, 2], [2, 1])
 * const row = new Tensor('float32', [3, 4], [1, 2])
 * decode(product(column, row)).data // => Float32Array [3, 4, 6, 8]
 */
export function product(...factors: (Tensor | Encoded)[]): Encoded {
  const parts = numbered('product', factors)
  const dims = [factors[0]?.dims[0] ?? 0, factors.at(-1)?.dims[1] ?? 0]
  return encoded(productEncoding, 'float32', dims, parts, {})
}

/** The kind of {@link product}. */
export const productEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'product',
  check: checkProduct,
  decode: decodeProduct,
  linear: linearProduct,
  selectRows: selectProduct,
  rowParts: () => ['0'],
})

function checkProduct(e: Encoded): void {
  const factors = terms(e)
  const meet = factors.every(
    ({ dims }, i) => dims.length === 2 && (i === 0 || factors[i - 1]!.dims[1] === dims[0]),
  )
  const whole =
    e.dims.length === 2 && factors[0]?.dims[0] === e.dims[0] && factors.at(-1)?.dims[1] === e.dims[1]
  if (!meet || !whole) throw malformed(e, 'expected matrices whose inner dimensions meet')
  requireFloats(e, factors)
}

function decodeProduct(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { out: _, ...rest } = options
  const device = deviceOf(e, options)
  const [first, ...others] = terms(e) as [Tensor | Encoded, ...(Tensor | Encoded)[]]
  // Cast copies: the whole must not be the memory of a factor.
  let result = cast(decode(first, { ...rest, device }), 'float32')
  for (const factor of others) result = linear(result, factor, { transpose: true })
  return decoded(e, result, options)
}

/** x·(a·b)ᵀ = (x·bᵀ)·aᵀ: the factors from the last to the first, never their product. */
function linearProduct(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false, order = 'free' } = options
  const factors = transpose ? terms(e) : terms(e).reverse()
  const last = factors.pop()!
  let result = x
  for (const factor of factors) result = linear(result, factor, { transpose, order })
  return linear(result, last, options)
}

function selectProduct(e: Encoded, rows: RowSelection, select: SelectRows): Encoded {
  return withRowCount(e, rowCount(rows), { 0: select(part(e, '0'), rows) })
}
