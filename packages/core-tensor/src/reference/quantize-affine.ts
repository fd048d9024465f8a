import { kernel } from '../device/kernel.ts'
import type { QuantizeAffineOptions } from '../device/kernels.ts'
import { groupIndex } from '../encoded/groups.ts'
import { DTypeError, ShapeError } from '../errors.ts'
import { packedRowBytes, packRow } from '../tensor/bits.ts'
import { numbersOf, toFloat32 } from '../tensor/convert.ts'
import { matrixDims, requireDims } from '../tensor/dims.ts'
import { isFloat } from '../tensor/dtype.ts'
import { roundTiesToEven } from '../tensor/narrow-float.ts'
import type { Tensor } from '../tensor/tensor.ts'

const fround = Math.fround

/**
 * Affine codes of a tensor: roundTiesToEven(fround(fround(x − offset) / scale)) + zero, clamped to
 * 0 … 2^bits − 1. Exact. Where the scale is 0 or the quotient is not a number the code is `zero`.
 *
 * @param x  any shape with at least one dimension
 * @param scale  the shape of `x` with ⌈length / group⌉ along `axis`; other axes may be 1
 * @returns uint8, the shape of `x` with ⌈columns · bits / 8⌉ bytes a row, packed as in `packRow`
 * @example
 * const x = new Tensor('float32', [-1, 0, 1, 2], [1, 4])
 * const scale = new Tensor('float32', [0.25], [1, 1])
 * const zero = new Tensor('uint8', [8], [1, 1])
 * quantizeAffine(x, scale, { bits: 4, group: 4, axis: 1, zero }).data // => Uint8Array [132, 252]
 */
export const quantizeAffine = /* @__PURE__ */ kernel('quantizeAffine', quantizeAffineReference)

function quantizeAffineReference(x: Tensor, scale: Tensor, options: QuantizeAffineOptions): Tensor {
  const { bits, group, axis } = options
  const { rows, columns } = matrixDims(x.dims)
  if (!Number.isInteger(bits) || bits < 1 || bits > 8) {
    throw new ShapeError(`[quantizeAffine] expected 1 to 8 bits a code, got ${bits}`)
  }
  const at = groupIndex(x.dims, scale.dims, group, axis, 'quantizeAffine')
  const rowBytes = packedRowBytes(columns, bits)
  const dims = [...x.dims.slice(0, -1), rowBytes]
  for (const other of [options.zero, options.offset]) {
    if (other !== undefined) requireDims('quantizeAffine', 'zero and offset, like scale,', other, scale.dims)
  }
  if (options.zero !== undefined && isFloat(options.zero.type)) {
    throw new DTypeError(
      `[quantizeAffine] expected integers as zero, got ${options.zero.type}; a float shift is an offset`,
    )
  }
  const out = options.out ?? x.device.empty('uint8', dims)
  if (out.type !== 'uint8') throw new DTypeError(`[quantizeAffine] expected an out of uint8, got ${out.type}`)
  requireDims('quantizeAffine', 'an out', out, dims)
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
      const shifted =
        offsets === undefined ? values[row * columns + c]! : fround(values[row * columns + c]! - offsets[g]!)
      const quotient = steps[g] === 0 ? 0 : fround(shifted / steps[g]!)
      const code = Number.isNaN(quotient) ? zero : roundTiesToEven(quotient) + zero
      codes[c] = code < 0 ? 0 : code > top ? top : code
    }
    packRow(codes, bits, packed, row * rowBytes)
  }
  return out
}
