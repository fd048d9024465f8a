import { packedRowBytes, Tensor } from '@tersor/core-tensor'

/** Rows of packed codes without what fills up their last word. */
export function rowCodes(
  bytes: Uint8Array,
  rows: number,
  { columns, bits }: { columns: number; bits: number },
): Tensor {
  const stored = bytes.length / rows
  const wanted = packedRowBytes(columns, bits)
  if (stored === wanted) return new Tensor('uint8', bytes, [rows, wanted])
  const cut = new Uint8Array(rows * wanted)
  for (let row = 0; row < rows; row++)
    cut.set(bytes.subarray(row * stored, row * stored + wanted), row * wanted)
  return new Tensor('uint8', cut, [rows, wanted])
}
