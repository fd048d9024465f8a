import { kernel } from '../../device/kernel.ts'
import { cast } from '../../reference/cast.ts'
import { type DType, dtypeBits } from '../../tensor/dtype.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import {
  type DecodeOptions,
  decode,
  type Encoded,
  type Encoding,
  encoded,
  isEncoded,
  requireWeight,
} from '../encoded.ts'
import { linearTiled } from '../linear-tiled.ts'
import { decoded, part, requireFloats, rowRange, shapedPart, withRowCount } from '../parts.ts'
import { type RowSelection, rowCount, type SelectRows } from '../row-selection.ts'

/**
 * A tensor in a storage type, such as float16 or float8, that computes as another.
 *
 * @param values  any dtype; an encoding too, such as entropy-coded bytes
 * @param options.type  the float type that it decodes to; float32 by default
 * @example
 * const half = cast(new Tensor('float32', [1, 0.1], [2]), 'float16')
 * byteLength(dense(half)) // => 6
 */
export function dense(
  values: Tensor | Encoded,
  { type = 'float32' }: { type?: DType | undefined } = {},
): Encoded {
  requireWeight(values, 'dense')
  return encoded(denseEncoding, type, values.dims, { values }, {})
}

/** The kind of {@link dense}. */
export const denseEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'dense',
  check: checkDense,
  decode: decodeDense,
  linear: /* @__PURE__ */ kernel('linearDense', linearTiled),
  selectRows: selectDense,
  rowParts: () => ['values'],
})

function checkDense(e: Encoded): void {
  requireFloats(e, [])
  shapedPart(e, 'values', e.dims)
}

function decodeDense(e: Encoded, options: DecodeOptions = {}): Tensor {
  return decoded(e, cast(storedRows(e, options), e.type), options)
}

/** Rows of 4-bit elements may begin inside a byte: those are widened first. */
function storedRows(e: Encoded, { out: _, ...options }: DecodeOptions): Tensor {
  const values = part(e, 'values')
  if (isEncoded(values)) return decode(values, options)
  if (options.rows === undefined) return values
  const wide = dtypeBits[values.type] < 8 ? cast(values, e.type) : values
  return wide.rows(...rowRange(e, options))
}

function selectDense(e: Encoded, rows: RowSelection, select: SelectRows): Encoded {
  return withRowCount(e, rowCount(rows), { values: select(part(e, 'values'), rows) })
}
