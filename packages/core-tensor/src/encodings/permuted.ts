import { numbersOf } from '../convert.ts'
import { decode, type DecodeOptions, type Encoded, type Encoding, encoded } from '../encoded.ts'
import { gather } from '../reference/gather.ts'
import type { Tensor } from '../tensor.ts'
import { decoded, malformed, metaInteger, part, rowRange, tensorPart } from './parts.ts'

/**
 * a with the entries of an axis reordered: entry i is entry index[i] of `base`.
 *
 * @param index  int32 (length of `axis`), a permutation
 */
export function permuted(base: Tensor | Encoded, index: Tensor, axis: number): Encoded {
  return encoded(permutedEncoding, 'float32', base.dims, { base, index }, { axis: axis < 0 ? axis + base.dims.length : axis })
}

/** The kind of {@link permuted}. */
export const permutedEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'permuted',
  check: checkPermuted,
  decode: decodePermuted,
})

function checkPermuted(e: Encoded): void {
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  const index = tensorPart(e, 'index')
  const base = part(e, 'base')
  if (base.dims.length !== e.dims.length || base.dims.some((dim, i) => dim !== e.dims[i])) throw malformed(e, 'expected a base of the shape of the whole')
  if (index.type !== 'int32' || index.dims.length !== 1 || index.size !== e.dims[axis]) throw malformed(e, `expected an int32 index for axis ${axis}`)
  if (!index.device.host) return
  const seen = new Uint8Array(index.size)
  for (const at of numbersOf(index)) {
    if (at < 0 || at >= index.size || seen[at]! > 0) throw malformed(e, 'expected the index to be a permutation')
    seen[at] = 1
  }
}

function decodePermuted(e: Encoded, options: DecodeOptions = {}): Tensor {
  const axis = e.meta.axis as number
  const [start, end] = rowRange(e, options)
  const index = tensorPart(e, 'index')
  const whole = axis === 0
  const base = decode(part(e, 'base'), whole ? {} : { rows: [start, end] })
  return decoded(e, gather(base, whole ? index.rows(start, end) : index, { axis }), options)
}
