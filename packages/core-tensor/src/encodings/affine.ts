import { packedRowBytes, unpackRow } from '../bits.ts'
import { numbersOf } from '../convert.ts'
import { matrixDims, sameDims, sizeOf } from '../dims.ts'
import { type DecodeOptions, type Encoded, type Encoding, encoded } from '../encoded.ts'
import { kernel } from '../kernels.ts'
import { linearTiled } from '../linear-tiled.ts'
import type { Tensor } from '../tensor.ts'
import { groupIndex } from './groups.ts'
import { decoded, floatPart, malformed, metaInteger, part, rowRange, tensorPart } from './parts.ts'

const { fround } = Math

/**
 * Integer codes on a line: (code − zero) · scale + offset, in float32 and in this order, which is
 * what ggml, ONNX Runtime and AWQ compute, bit for bit.
 *
 * @param parts.codes  uint8 (…, ⌈columns · bits / 8⌉), rows packed as in `packRow`
 * @param parts.scale  one number a group: the shape of the whole with ⌈length / group⌉ along `axis`;
 *   other axes may be 1, and the last group may be short. A tensor or an encoding
 * @param parts.zero  integers of the shape of `scale`; 0 without
 * @param parts.offset  floats of the shape of `scale`, a tensor or an encoding; 0 without
 * @param options.dims  the shape of the whole
 * @throws {FormatError} when the shapes do not fit
 */
export function affine(
  parts: { codes: Tensor; scale: Tensor | Encoded; zero?: Tensor; offset?: Tensor | Encoded },
  options: { dims: readonly number[]; bits: number; group: number; axis: number },
): Encoded {
  const { dims, bits, group, axis } = options
  return encoded(affineEncoding, 'float32', dims, { ...parts }, { bits, group, axis: axis < 0 ? axis + dims.length : axis })
}

/** The kind of {@link affine}. */
export const affineEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'affine',
  check: checkAffine,
  decode: /* @__PURE__ */ kernel('dequantize', decodeAffine),
  linear: /* @__PURE__ */ kernel('linearAffine', linearTiled),
})

function checkAffine(e: Encoded): void {
  const bits = metaInteger(e, 'bits', 1, 8)
  const group = metaInteger(e, 'group', 1, Number.MAX_SAFE_INTEGER)
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  const codes = tensorPart(e, 'codes')
  const { columns } = matrixDims(e.dims)
  if (codes.type !== 'uint8' || !sameDims(codes.dims, [...e.dims.slice(0, -1), packedRowBytes(columns, bits)])) {
    throw malformed(e, `expected uint8 codes of ${packedRowBytes(columns, bits)} bytes a row`)
  }
  const scale = part(e, 'scale')
  try {
    groupIndex(e.dims, scale.dims, group, axis, 'affine')
  } catch {
    throw malformed(e, `expected a scale for groups of ${group} along axis ${axis}`)
  }
  for (const name of ['zero', 'offset']) {
    const other = e.parts[name]
    if (other !== undefined && !sameDims(other.dims, scale.dims)) throw malformed(e, `expected ${name} to have the shape of scale`)
  }
  if (e.parts.zero !== undefined && tensorPart(e, 'zero').type.includes('float')) throw malformed(e, 'expected integers as zero')
}

function decodeAffine(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { bits, group, axis } = e.meta as { bits: number; group: number; axis: number }
  const [start, end] = rowRange(e, options)
  const { columns } = matrixDims(e.dims)
  const dims = [end - start, ...e.dims.slice(1)]
  const perEntry = sizeOf(e.dims.slice(1)) / Math.max(columns, 1)
  const packed = tensorPart(e, 'codes').data as Uint8Array
  const rowBytes = packedRowBytes(columns, bits)
  const scale = floatPart(e, 'scale')
  const zero = e.parts.zero === undefined ? undefined : numbersOf(tensorPart(e, 'zero'))
  const offset = e.parts.offset === undefined ? undefined : floatPart(e, 'offset')
  const at = groupIndex(e.dims, part(e, 'scale').dims, group, axis, 'affine')
  const made = tensorPart(e, 'codes').device.empty('float32', dims)
  const values = made.data as Float32Array
  const codes = new Uint8Array(columns)
  const first = e.dims.length === 1 ? 0 : start * perEntry
  const last = e.dims.length === 1 ? 1 : end * perEntry
  let to = 0
  for (let row = first; row < last; row++) {
    unpackRow(packed, bits, codes, row * rowBytes)
    const groups = at.row(row)
    const [from, until] = e.dims.length === 1 ? [start, end] : [0, columns]
    for (let c = from; c < until; c++) {
      const g = groups + at.columns[c]!
      const shifted = codes[c]! - (zero === undefined ? 0 : zero[g]!)
      values[to++] = offset === undefined ? shifted * scale[g]! : fround(shifted * scale[g]!) + offset[g]!
    }
  }
  return decoded(e, made, options)
}
