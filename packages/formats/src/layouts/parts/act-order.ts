import {
  affine,
  type Encoded,
  packedRowBytes,
  packRow,
  permuted,
  Tensor,
  unpackRow,
} from '@tersor/core-tensor'

/** Codes in rows and the numbers of their groups, as `affine` takes them. */
export interface GroupedParts {
  /** uint8 (out, bytes) */
  readonly codes: Tensor
  /** (out, groups) */
  readonly scale: Tensor
  readonly zero: Tensor
}

/**
 * Codes whose groups are told column by column, as GPTQ's `desc_act` leaves them: columns in the order of their groups, and a
 * permutation that puts them back.
 *
 * @param groupOf  (in) the group of each column
 * @param group  columns of a group
 * @returns undefined where groups are not all of that size, the last one aside
 */
export function orderedByGroup(
  { codes, scale, zero }: GroupedParts,
  groupOf: Int32Array,
  { bits, group }: { bits: number; group: number },
): Encoded | undefined {
  const [out = 0] = codes.dims
  const columns = groupOf.length
  const dims = [out, columns]
  if (groupOf.every((of, i) => of === Math.floor(i / group)))
    return affine({ codes, scale, zero }, { dims, bits, group, axis: 1 })
  const sorted = Int32Array.from(groupOf, (_, i) => i).sort((a, b) => groupOf[a]! - groupOf[b]! || a - b)
  if (!sorted.every((column, i) => groupOf[column] === Math.floor(i / group))) return undefined
  const rowBytes = codes.size / out
  const packed = new Uint8Array(out * packedRowBytes(columns, bits))
  const row = new Uint8Array(columns)
  for (let o = 0; o < out; o++) {
    unpackRow(codes.data as Uint8Array, bits, row, o * rowBytes)
    packRow(
      sorted.map(column => row[column]!),
      bits,
      packed,
      (o * packed.length) / out,
    )
  }
  const moved = new Tensor('uint8', packed, [out, packed.length / out])
  const index = new Int32Array(columns)
  sorted.forEach((column, i) => {
    index[column] = i
  })
  const base = affine({ codes: moved, scale, zero }, { dims, bits, group, axis: 1 })
  return permuted(base, new Tensor('int32', index, [columns]), 1)
}
