import { Tensor, unpackRow } from '@tersor/core-tensor'

/**
 * Zeros of groups as `affine` takes them: one for all where they are the same.
 *
 * @param zeros  (rows, groups), row by row
 */
export function zerosOf(zeros: Uint8Array, [rows, groups]: readonly [number, number]): Tensor {
  const [first = 0] = zeros
  if (zeros.every(zero => zero === first)) return new Tensor('uint8', [first], [1, 1])
  return new Tensor('uint8', zeros, [rows, groups])
}

/** Codes of `bits` bits, `perRow` of each row of bytes, one behind the other. */
export function unpackedRows(
  bytes: Uint8Array,
  { rows, perRow, bits }: { rows: number; perRow: number; bits: number },
): Uint8Array {
  const codes = new Uint8Array(rows * perRow)
  const rowBytes = bytes.length / rows
  for (let row = 0; row < rows; row++)
    unpackRow(bytes, bits, codes.subarray(row * perRow, (row + 1) * perRow), row * rowBytes)
  return codes
}

/** (rows, columns) to (columns, rows). */
export function transposedBytes(bytes: Uint8Array, rows: number, columns: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(bytes.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      made[column * rows + row] = bytes[row * columns + column]!
  return made
}
