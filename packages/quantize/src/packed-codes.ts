import { type Device, packedRowBytes, packRow, Tensor } from '@tersor/core-tensor'

/** Codes (rows, columns) as the packed tensor of an encoding: uint8 (rows, bytes of a row). */
export function packedCodes(codes: Uint8Array, rows: number, bits: number, device: Device): Tensor {
  const columns = rows === 0 ? 0 : codes.length / rows
  const rowBytes = packedRowBytes(columns, bits)
  const packed = new Uint8Array(rows * rowBytes)
  for (let row = 0; row < rows; row++) {
    packRow(codes.subarray(row * columns, (row + 1) * columns), bits, packed, row * rowBytes)
  }
  return device.upload(new Tensor('uint8', packed, [rows, rowBytes]))
}
