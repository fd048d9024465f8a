import { codebook, type Encoded, Tensor } from '@tersor/core-tensor'
import { e4m3Values, tableOf } from './value-tables.ts'

/**
 * Bytes of E4M3 times a number for each block of rows and columns; the last blocks may be smaller.
 *
 * @param bytes  (out, in)
 * @param scales  (⌈out / block rows⌉, ⌈in / block columns⌉)
 */
export function blockScaled(
  bytes: Uint8Array,
  scales: Float32Array,
  { dims, block }: { dims: readonly [number, number]; block: readonly [rows: number, columns: number] },
): Encoded {
  const [out, columns] = dims
  const groups = Math.ceil(columns / block[1])
  // Groups lie along rows, so each row has the scales of its block.
  const rows = new Float32Array(out * groups)
  for (let o = 0; o < out; o++) {
    const from = Math.floor(o / block[0]) * groups
    rows.set(scales.subarray(from, from + groups), o * groups)
  }
  return codebook(
    {
      codes: new Tensor('uint8', bytes, dims),
      table: tableOf(e4m3Values()),
      scale: new Tensor('float32', rows, [out, groups]),
    },
    { dims, bits: 8, group: block[1], axis: 1 },
  )
}
