import { packedRowBytes, unpackRow } from '../bits.ts'
import { numbersOf, toFloat32 } from '../convert.ts'
import { matrixDims, sameDims } from '../dims.ts'
import { type DecodeOptions, decode, type Encoded, type Encoding, encoded } from '../encoded.ts'
import { kernel } from '../kernels.ts'
import { linearTiled } from '../linear-tiled.ts'
import type { Tensor } from '../tensor.ts'
import { groupIndex } from './groups.ts'
import {
  decoded,
  decodedPart,
  malformed,
  matrixRows,
  metaInteger,
  part,
  rowRange,
  tensorPart,
} from './parts.ts'

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
 * @example
 * const codes = new Tensor('uint8', [0x21, 0x43], [1, 2])
 * const scale = new Tensor('float32', [0.5], [1, 1])
 * const weight = affine({ codes, scale }, { dims: [1, 4], bits: 4, group: 4, axis: 1 })
 * decode(weight).data // => Float32Array [0.5, 1, 1.5, 2]
 */
export function affine(
  parts: { codes: Tensor; scale: Tensor | Encoded; zero?: Tensor; offset?: Tensor | Encoded },
  options: { dims: readonly number[]; bits: number; group: number; axis: number },
): Encoded {
  const { dims, bits, group, axis } = options
  return encoded(
    affineEncoding,
    'float32',
    dims,
    { ...parts },
    { bits, group, axis: axis < 0 ? axis + dims.length : axis },
  )
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
  if (
    codes.type !== 'uint8' ||
    !sameDims(codes.dims, [...e.dims.slice(0, -1), packedRowBytes(columns, bits)])
  ) {
    throw malformed(e, `expected uint8 codes of ${packedRowBytes(columns, bits)} bytes a row`)
  }
  const scale = part(e, 'scale')
  try {
    groupIndex(e.dims, scale.dims, group, axis, 'affine')
  } catch {
    throw malformed(e, `expected a scale for groups of ${group} along axis ${axis}`)
  }
  for (const name of ['zero', 'offset'] as const) {
    const other = e.parts[name]
    if (other !== undefined && !sameDims(other.dims, scale.dims))
      throw malformed(e, `expected ${name} to have the shape of scale`)
  }
  if (e.parts.zero !== undefined && tensorPart(e, 'zero').type.includes('float'))
    throw malformed(e, 'expected integers as zero')
}

function decodeAffine(e: Encoded, options: DecodeOptions = {}): Tensor {
  const { bits, group, axis } = e.meta as { bits: number; group: number; axis: number }
  const [start, end] = rowRange(e, options)
  const { columns } = matrixDims(e.dims)
  const rowBytes = packedRowBytes(columns, bits)
  const at = groupIndex(e.dims, part(e, 'scale').dims, group, axis, 'affine')
  const codesPart = tensorPart(e, 'codes')
  const scalePart = decode(part(e, 'scale'))
  const offsetPart = decodedPart(e, 'offset')
  const made = codesPart.device.empty('float32', [end - start, ...e.dims.slice(1)])
  const scale = toFloat32(scalePart)
  const offset = offsetPart && toFloat32(offsetPart)
  const zero = e.parts.zero && numbersOf(tensorPart(e, 'zero'))
  const packed = codesPart.data as Uint8Array
  const values = made.data as Float32Array
  const codes = new Uint8Array(columns)
  const { row: firstRow, count, skip, width } = matrixRows(e.dims, start, end)
  for (let i = 0; i < count; i++) {
    unpackRow(packed, bits, codes, (firstRow + i) * rowBytes)
    const groups = at.row(firstRow + i)
    for (let j = 0; j < width; j++) {
      const c = skip + j
      const g = groups + at.columns[c]!
      const scaled = (zero === undefined ? codes[c]! : codes[c]! - zero[g]!) * scale[g]!
      values[i * width + j] = offset === undefined ? scaled : fround(scaled) + offset[g]!
    }
  }
  return decoded(e, made, options)
}
