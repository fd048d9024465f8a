import { binary } from '../../reference/binary.ts'
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
import { output } from '../output.ts'
import {
  basePart,
  decoded,
  malformed,
  metaInteger,
  part,
  requireFloats,
  rowRange,
  withRowCount,
} from '../parts.ts'
import { type RowSelection, rowCount, type SelectRows } from '../row-selection.ts'

/**
 * a times one number for each entry of an axis: AWQ, SmoothQuant, per-channel float8.
 *
 * @param base  any shape with at least one dimension
 * @param scale  floats (length of `axis`) or (1), a tensor or an encoding
 * @param axis  a negative one counts from the end
 * @throws {FormatError} when the shapes do not fit
 * @example
 * const base = new Tensor('float32', [1, 2, 3, 4], [2, 2])
 * decode(scaled(base, new Tensor('float32', [1, 10], [2]), 0)).data // => Float32Array [1, 2, 30, 40]
 */
export function scaled(base: Tensor | Encoded, scale: Tensor | Encoded, axis: number): Encoded {
  requireWeight(base, 'scaled')
  const at = axis < 0 ? axis + base.dims.length : axis
  return encoded(scaledEncoding, 'float32', base.dims, { base, scale }, { axis: at })
}

/** The kind of {@link scaled}. */
export const scaledEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'scaled',
  check: checkScaled,
  decode: decodeScaled,
  linear: linearScaled,
  selectRows: selectScaled,
  rowParts: rowPartsOfScaled,
})

function checkScaled(e: Encoded): void {
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  const base = basePart(e)
  const scale = part(e, 'scale')
  if (scale.dims.length !== 1 || (scale.dims[0] !== 1 && scale.dims[0] !== e.dims[axis])) {
    throw malformed(e, `expected one scale for each entry of axis ${axis}`)
  }
  requireFloats(e, [base, scale])
}

function decodeScaled(e: Encoded, options: DecodeOptions = {}): Tensor {
  const axis = e.meta.axis as number
  const rows = rowRange(e, options)
  const device = deviceOf(e, options)
  let scale = decode(part(e, 'scale'), { device })
  if (axis === 0 && scale.dims[0] !== 1) scale = scale.rows(...rows)
  const column = scale.reshape([scale.dims[0]!, ...e.dims.slice(axis + 1).map(() => 1)])
  return decoded(e, binary('mul', decode(part(e, 'base'), { rows, device }), column), options)
}

/** A scale of the input dimension scales x, one of the output dimension scales the result. */
function linearScaled(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false, order = 'free' } = options
  const base = part(e, 'base')
  const inner = transpose ? 0 : 1
  const scale = decode(part(e, 'scale'), { device: x.device })
  if (e.meta.axis === inner) return linear(binary('mul', x, scale), base, options)
  return output('linear', binary('mul', linear(x, base, { transpose, order }), scale), options)
}

function selectScaled(e: Encoded, rows: RowSelection, select: SelectRows): Encoded {
  const scale = part(e, 'scale')
  const ofRows = e.meta.axis === 0 && scale.dims[0] !== 1
  return withRowCount(e, rowCount(rows), {
    base: select(part(e, 'base'), rows),
    scale: ofRows ? select(scale, rows) : scale,
  })
}

function rowPartsOfScaled({ dims, meta, parts }: Encoded): readonly string[] {
  return meta.axis === 0 && parts.scale?.dims[0] === dims[0] ? ['base', 'scale'] : ['base']
}
