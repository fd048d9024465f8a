import {
  asTensor,
  DTypeError,
  isFloat,
  matrixDims,
  numbersOf,
  packedRowBytes,
  packRow,
  requireHost,
  ShapeError,
  Tensor,
  type TensorLike,
} from '@tersor/core-tensor'

const WHERE = 'codec/pack-bits'

/**
 * Packs integers below 2^bits so that they take bits of their own only, as a kernel takes them back:
 * {@link unpackBits}, which says how they lie. Each row begins on a byte.
 *
 * @param codes  (…, columns) of an integer dtype, on a host device
 * @param options.bits  1 to 16
 * @returns (…, ⌈columns · bits / 8⌉) uint8, on the device of the codes
 * @throws {ShapeError} when a code does not fit, bits are not whole, from 1 to 16, or there is no last axis
 * @throws {DTypeError} when the codes are floats
 * @example
 * const codes = new Tensor('uint8', [5, 3, 6, 1], [1, 4])
 * packBits(codes, { bits: 3 }) // => Tensor uint8 [1, 2] [157, 3]
 */
export function packBits(codes: TensorLike, { bits }: { bits: number }): Tensor {
  checkBits(WHERE, bits)
  const tensor = asTensor(codes)
  requireHost(tensor, WHERE)
  if (isFloat(tensor.type))
    throw new DTypeError(`[${WHERE}] expected integers, got ${tensor.type}; cast them`)
  if (tensor.dims.length === 0)
    throw new ShapeError(`[${WHERE}] expected at least one dimension, got a scalar`)
  const numbers = numbersOf(tensor)
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i]!
    if (code < 0 || code >= 2 ** bits)
      throw new ShapeError(
        `[${WHERE}] expected codes of ${bits} bits, from 0 to ${2 ** bits - 1}, got ${code}`,
      )
  }
  const { rows, columns } = matrixDims(tensor.dims)
  const rowBytes = packedRowBytes(columns, bits)
  const packed = new Uint8Array(rows * rowBytes)
  for (let row = 0; row < rows; row++)
    packRow(numbers.subarray(row * columns, (row + 1) * columns), bits, packed, row * rowBytes)
  return tensor.device.upload(new Tensor('uint8', packed, [...tensor.dims.slice(0, -1), rowBytes]))
}

/** @throws {ShapeError} unless bits are whole, from 1 to 16 */
export function checkBits(where: string, bits: number): void {
  if (!Number.isInteger(bits) || bits < 1 || bits > 16)
    throw new ShapeError(`[${where}] expected 1 to 16 bits, got ${bits}`)
}
