import { cast } from '../reference/cast.ts'
import { decode, type DecodeOptions, type Encoded, type Encoding, encoded, type LinearOptions } from '../encoded.ts'
import { sameDims } from '../dims.ts'
import { isFloat, type DType } from '../dtype.ts'
import { linearTiled } from '../linear-tiled.ts'
import type { Tensor } from '../tensor.ts'
import { malformed, tensorPart } from './parts.ts'

/**
 * A tensor in a storage type, such as float16 or float8, that computes as another.
 *
 * @param values  any dtype
 * @param options.type  what it decodes to
 */
export function dense(values: Tensor, { type = 'float32' }: { type?: DType } = {}): Encoded {
  return encoded(denseEncoding, type, values.dims, { values }, {})
}

/** The kind of {@link dense}. */
export const denseEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'dense',
  check: checkDense,
  decode: decodeDense,
  linear: linearTiled as (x: Tensor, e: Encoded, options?: LinearOptions) => Tensor,
})

function checkDense(e: Encoded): void {
  if (!sameDims(tensorPart(e, 'values').dims, e.dims)) throw malformed(e, 'expected values of the shape of the whole')
  if (!isFloat(e.type)) throw malformed(e, 'expected to decode to a float type')
}

function decodeDense(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { out, ...rest } = options
  const values = decode(tensorPart(e, 'values'), rest)
  return cast(values, out?.type ?? e.type, out === undefined ? {} : { out })
}
