import type { Device } from '../../../device/device.ts'
import { codebook, codebookEncoding } from '../../../encoded/kinds/codebook.ts'
import { sparse, sparseEncoding } from '../../../encoded/kinds/sparse.ts'
import { Rng } from '../../../rng.ts'
import { packedRowBytes } from '../../../tensor/bits.ts'
import type { KernelCase } from '../../describe-device.ts'
import { expectElements, normals, upload } from '../fixtures.ts'
import { groupsOf, linearConforms, packed, type Weight } from '../weights.ts'

const { fround } = Math

/** A codebook weight of every layout with the values that it stands for. */
function codebookWeight(
  device: Device,
  [books, entries, d, bits]: readonly number[],
  scaledGroup?: number,
): Weight {
  const rng = new Rng(54)
  const dims = [9, 12]
  const perRow = 12 / d!
  const table = normals(rng, books! * entries! * d!).map(fround)
  const codes = Array.from({ length: 9 * perRow }, () => rng.integer(entries!))
  const group = scaledGroup ?? 12
  const scale = normals(rng, 9 * Math.ceil(12 / group)).map(fround)
  const groups = groupsOf(dims, group, 1)
  const values = Array.from({ length: 108 }, (_, i) => {
    const j = Math.floor((i % 12) / d!)
    const value = table[((j % books!) * entries! + codes[Math.floor(i / 12) * perRow + j]!) * d! + (i % d!)]!
    return scaledGroup === undefined ? value : fround(value * scale[groups[i]!]!)
  })
  const parts = {
    codes: upload(device, 'uint8', [9, packedRowBytes(perRow, bits!)], packed(codes, perRow, bits!)),
    table: upload(device, 'float32', books === 1 ? [entries!, d!] : [books!, entries!, d!], table),
  }
  const scalePart = { scale: upload(device, 'float32', [9, Math.ceil(12 / group)], scale) }
  return {
    encoded: codebook(scaledGroup === undefined ? parts : { ...parts, ...scalePart }, {
      dims,
      bits: bits!,
      group,
    }),
    values,
  }
}

/** A sparse weight of any pattern with the values that it stands for. */
function sparseWeight(device: Device, pattern: 'rows' | 'mask' | 'nOfM'): Weight {
  const rng = new Rng(55)
  const [rows, columns] = [7, 12]
  const values = new Array<number>(rows * columns).fill(0)
  const kept: number[] = []
  const index: number[] = []
  const starts = [0]
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      // 2 of every 3, a different one missing each time; or a third of all, and an empty row.
      const keep =
        pattern === 'nOfM'
          ? column % 3 !== (row + Math.floor(column / 3)) % 3
          : row !== 3 && rng.integer(3) === 0
      if (!keep) continue
      values[row * columns + column] = fround(rng.normal())
      kept.push(values[row * columns + column]!)
      index.push(pattern === 'nOfM' ? column % 3 : column)
    }
    starts.push(kept.length)
  }
  if (pattern === 'nOfM') {
    const parts = {
      values: upload(device, 'float32', [rows, 8], kept),
      index: upload(device, 'uint8', [rows, 2], packed(index, 8, 2)),
    }
    return { encoded: sparse(parts, { dims: [rows, columns], pattern, n: 2, m: 3 }), values }
  }
  const bits = packed(
    values.map(value => (value === 0 ? 0 : 1)),
    columns,
    1,
  )
  const parts = {
    values: upload(device, 'float32', [kept.length], kept),
    index:
      pattern === 'mask'
        ? upload(device, 'uint8', [rows, 2], bits)
        : upload(device, 'int32', [kept.length], index),
    starts: upload(device, 'int32', [rows + 1], starts),
  }
  return { encoded: sparse(parts, { dims: [rows, columns], pattern }), values }
}

/** books, entries, d, bits: scalar, vectors, several books, more bits than entries need, 9 and 12 bits. */
const CODEBOOKS = [
  [1, 16, 1, 4],
  [1, 8, 3, 3],
  [3, 20, 2, 5],
  [2, 100, 4, 9],
  [1, 4000, 1, 12],
  [1, 2, 12, 1],
] as const

export const codebookAndSparseCases: readonly KernelCase[] = [
  ...(['linearCodebook', 'dequantize'] as const).map(
    (kernel): KernelCase => ({
      kernel,
      name: 'codebooks: scalars, vectors, several books, scales',
      async run(device) {
        for (const layout of CODEBOOKS) {
          for (const group of [undefined, 5]) {
            const { encoded, values } = codebookWeight(device, layout, group)
            if (kernel === 'dequantize')
              await expectElements(codebookEncoding.decode(encoded), values, { dims: [9, 12] })
            else await linearConforms(device, encoded, values)
          }
        }
      },
    }),
  ),
  ...(['linearSparse', 'dequantize'] as const).flatMap(kernel =>
    (['rows', 'mask', 'nOfM'] as const).map(
      (pattern): KernelCase => ({
        kernel,
        name: `sparse, ${pattern}`,
        async run(device) {
          const { encoded, values } = sparseWeight(device, pattern)
          if (kernel === 'dequantize')
            await expectElements(sparseEncoding.decode(encoded), values, { dims: [7, 12] })
          else await linearConforms(device, encoded, values)
        },
      }),
    ),
  ),
]
