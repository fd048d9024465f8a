import { type Device, matrixDims, packedRowBytes, packRow, Tensor } from '@tersor/core-tensor'

/** Codes of a tensor of `dims`, one for each element, as the packed tensor of an encoding: uint8 (…, bytes of a row). */
export function packedCodes(
  codes: Uint8Array,
  dims: readonly number[],
  bits: number,
  device: Device,
): Tensor {
  const { rows, columns } = matrixDims(dims)
  const rowBytes = packedRowBytes(columns, bits)
  const packed = new Uint8Array(rows * rowBytes)
  for (let row = 0; row < rows; row++) {
    packRow(codes.subarray(row * columns, (row + 1) * columns), bits, packed, row * rowBytes)
  }
  return device.upload(new Tensor('uint8', packed, [...dims.slice(0, -1), rowBytes]))
}
