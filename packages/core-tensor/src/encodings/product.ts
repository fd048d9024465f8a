import { decode, type DecodeOptions, type Encoded, type Encoding, encoded, linear, type LinearOptions } from '../encoded.ts'
import type { Tensor } from '../tensor.ts'
import { decoded, malformed, numbered, terms } from './parts.ts'

/**
 * The matrix product a·b·…: low rank, or a quantised weight in rotated coordinates.
 *
 * @param factors  matrices (m, k), (k, l), … whose inner dimensions meet
 */
export function product(...factors: (Tensor | Encoded)[]): Encoded {
  return encoded(productEncoding, 'float32', [factors[0]?.dims[0] ?? 0, factors.at(-1)?.dims[1] ?? 0], numbered(factors), {})
}

/** The kind of {@link product}. */
export const productEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'product',
  check: checkProduct,
  decode: decodeProduct,
  linear: linearProduct,
})

function checkProduct(e: Encoded): void {
  const factors = terms(e)
  const meet = factors.every((factor, i) => factor.dims.length === 2 && (i === 0 || factors[i - 1]!.dims[1] === factor.dims[0]))
  if (factors.length === 0 || !meet || e.dims.length !== 2 || factors[0]!.dims[0] !== e.dims[0] || factors.at(-1)!.dims[1] !== e.dims[1]) {
    throw malformed(e, 'expected matrices whose inner dimensions meet')
  }
}

function decodeProduct(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { out: _, ...rest } = options
  const [first, ...others] = terms(e) as [Tensor | Encoded, ...(Tensor | Encoded)[]]
  let result = decode(first, rest)
  for (const factor of others) result = linear(result, factor, { transpose: true })
  return decoded(e, result, options)
}

/** x·(a·b)ᵀ = (x·bᵀ)·aᵀ: the factors from the last to the first, never their product. */
function linearProduct(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false, order = 'free', ...placed } = options
  const factors = transpose ? terms(e) : terms(e).reverse()
  const last = factors.pop() as Tensor | Encoded
  let result = x
  for (const factor of factors) result = linear(result, factor, { transpose, order })
  return linear(result, last, { ...placed, transpose, order })
}
