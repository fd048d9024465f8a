import { binary } from '../reference/binary.ts'
import { cast } from '../reference/cast.ts'
import { aroundAxis } from '../dims.ts'
import { decode, type DecodeOptions, type Encoded, type Encoding, encoded, linear, type LinearOptions } from '../encoded.ts'
import type { Tensor } from '../tensor.ts'
import { decoded, malformed, metaInteger, part, rowRange } from './parts.ts'

/**
 * a times one number for each entry of an axis: AWQ, SmoothQuant, per-channel float8.
 *
 * @param base  any shape
 * @param scale  (length of `axis`) or (1)
 */
export function scaled(base: Tensor | Encoded, scale: Tensor | Encoded, axis: number): Encoded {
  return encoded(scaledEncoding, 'float32', base.dims, { base, scale }, { axis: axis < 0 ? axis + base.dims.length : axis })
}

/** The kind of {@link scaled}. */
export const scaledEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'scaled',
  check: checkScaled,
  decode: decodeScaled,
  linear: linearScaled,
})

function checkScaled(e: Encoded): void {
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  const base = part(e, 'base')
  const scale = part(e, 'scale')
  if (base.dims.length !== e.dims.length || base.dims.some((dim, i) => dim !== e.dims[i])) throw malformed(e, 'expected a base of the shape of the whole')
  if (scale.dims.length !== 1 || (scale.dims[0] !== 1 && scale.dims[0] !== e.dims[axis])) throw malformed(e, `expected one scale for each entry of axis ${axis}`)
}

function decodeScaled(e: Encoded, options: DecodeOptions = {}): Tensor {
  const axis = e.meta.axis as number
  const [start, end] = rowRange(e, options)
  let scale = decode(part(e, 'scale'))
  if (axis === 0 && scale.dims[0] !== 1) scale = scale.rows(start, end)
  const column = scale.reshape([scale.dims[0]!, ...e.dims.slice(axis + 1).map(() => 1)])
  return decoded(e, binary('mul', decode(part(e, 'base'), { rows: [start, end] }), column), options)
}

/** A scale of the input dimension scales x, one of the output dimension scales the result. */
function linearScaled(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { axis: inner } = aroundAxis(e.dims, options.transpose ? 0 : 1, 'linear scaled')
  const scale = decode(part(e, 'scale'))
  if (e.meta.axis === inner) return linear(binary('mul', x, scale), part(e, 'base'), options)
  const { out, accumulate, ...rest } = options
  const y = binary('mul', linear(x, part(e, 'base'), rest), scale)
  if (out === undefined) return y
  return accumulate ? binary('add', out, y, { out }) : cast(y, out.type, { out })
}
