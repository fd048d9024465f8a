import { packedRowBytes, packRow } from '../bits.ts'
import { numbersOf, toFloat32 } from '../convert.ts'
import { matrixDims } from '../dims.ts'
import { groupIndex } from '../encodings/groups.ts'
import { kernel, type QuantizeAffineOptions } from '../kernels.ts'
import { roundTiesToEven } from '../narrow-float.ts'
import type { Tensor } from '../tensor.ts'

const { fround } = Math

/**
 * Affine codes of a tensor: roundTiesToEven(fround(fround(x − offset) / scale)) + zero, clamped to
 * 0 … 2^bits − 1. Exact. Where the scale is 0 or the quotient is not a number the code is `zero`.
 *
 * @param x  any shape with at least one dimension
 * @param scale  the shape of `x` with ⌈length / group⌉ along `axis`; other axes may be 1
 * @returns uint8, the shape of `x` with ⌈columns · bits / 8⌉ bytes a row, packed as in `packRow`
 */
export const quantizeAffine = /* @__PURE__ */ kernel('quantizeAffine', quantizeAffineReference)

function quantizeAffineReference(x: Tensor, scale: Tensor, options: QuantizeAffineOptions): Tensor {
  const { bits, group, axis } = options
  const { rows, columns } = matrixDims(x.dims)
  const at = groupIndex(x.dims, scale.dims, group, axis, 'quantizeAffine')
  const rowBytes = packedRowBytes(columns, bits)
  const out = options.out ?? x.device.empty('uint8', [...x.dims.slice(0, -1), rowBytes])
  const packed = out.data as Uint8Array
  const values = toFloat32(x)
  const steps = toFloat32(scale)
  const zeros = options.zero === undefined ? undefined : numbersOf(options.zero)
  const offsets = options.offset === undefined ? undefined : toFloat32(options.offset)
  const codes = new Uint8Array(columns)
  const top = 2 ** bits - 1
  for (let row = 0; row < rows; row++) {
    const start = at.row(row)
    for (let c = 0; c < columns; c++) {
      const g = start + at.columns[c]!
      const zero = zeros === undefined ? 0 : zeros[g]!
      const shifted = offsets === undefined ? values[row * columns + c]! : fround(values[row * columns + c]! - offsets[g]!)
      const quotient = steps[g] === 0 ? 0 : fround(shifted / steps[g]!)
      const code = Number.isNaN(quotient) ? zero : roundTiesToEven(quotient) + zero
      codes[c] = code < 0 ? 0 : code > top ? top : code
    }
    packRow(codes, bits, packed, row * rowBytes)
  }
  return out
}
