import {
  bytesOf,
  canonicalJson,
  codebook,
  decode,
  type Encoded,
  packedRowBytes,
  ShapeError,
  sizeOf,
  Tensor,
  toFloat32,
} from '@tersor/core-tensor'
import { affineGrid } from './affine.ts'
import type { Agreement } from './agreement.ts'
import { groupLayout } from './fit-groups.ts'
import type { Grid, GroupLayout } from './grid.ts'
import { packedCodes } from './packed-codes.ts'
import { roundToGrid } from './round-to-grid.ts'

export interface LevelsOptions {
  /** Stores the scales in 8 bits too, in groups of 256 (Dettmers et al., 2023, arXiv:2305.14314); false by default. */
  doubleQuantize?: boolean | undefined
  /** What errors and recipes call it. */
  name?: string | undefined
}

const WHERE = 'quantize/levels'

/** How double quantisation stores scales: whole groups of them, offset by their smallest. */
const SCALE_OPTIONS = { bits: 8, zero: 'float', scaleType: 'float32' } as const
export const SCALE_GROUP = 256

/**
 * Levels of any spacing times a scale a group, that puts the largest weight of the group on the largest level: the codes of NF4, of
 * 4-bit floats, of a table that was learnt.
 *
 * @param values  2 to 256 rising numbers
 * @param agreed  with other slices of a weight
 * @throws {ShapeError} unless they rise and are finite
 * @example
 * const thirds = levels([-1, 0, 1])
 * decode(rtn(new Tensor('float32', [-3, -1, 0.5, 2], [1, 4]), { grid: thirds })).data // => Float32Array [-3, 0, 0, 3]
 */
export function levels(values: readonly number[], options: LevelsOptions = {}, agreed: Agreement = {}): Grid {
  const { doubleQuantize = false, name = 'levels' } = options
  const table = Float32Array.from(values)
  const rises = table.every((value, i) => Number.isFinite(value) && (i === 0 || value > table[i - 1]!))
  if (table.length < 2 || table.length > 256 || !rises) {
    throw new ShapeError(`[${WHERE}] expected 2 to 256 rising numbers, got [${values}]`)
  }
  const bits = Math.ceil(Math.log2(table.length))
  const largest = table.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  return {
    name,
    levels: table.length,
    width: 1,
    rangesFirst: doubleQuantize,
    fit(weights, ranges, at) {
      let max = 0
      for (let i = 0; i < weights.length; i++) max = Math.max(max, Math.abs(weights[i]!))
      ranges[at] = max / largest
    },
    code: (x, ranges, at) =>
      ranges[at] === 0 ? nearest(0, table) : nearest(Math.fround(x / ranges[at]!), table),
    value: (code, ranges, at) => Math.fround(table[code]! * ranges[at]!),
    store(ranges, { rangeDims }, device) {
      const scale = ranges.slice()
      if (!doubleQuantize) return { scale: device.upload(new Tensor('float32', scale, rangeDims)) }
      const layout = groupLayout(rangeDims, SCALE_GROUP, 0, WHERE)
      const narrow = roundToGrid(affineGrid(SCALE_OPTIONS, WHERE, agreed), scale, layout, device, WHERE)
      ranges.set(toFloat32(decode(narrow)))
      return { scale: narrow }
    },
    encoded(codes, { scale }, { dims, group, axis }, device): Encoded {
      const parts = {
        codes: packedCodes(codes, dims, bits, device),
        table: device.upload(new Tensor('float32', table, [table.length, 1])),
      }
      return codebook({ ...parts, scale: scale! }, { dims, bits, group, axis })
    },
    size: layout => sizeOfLevels(layout, bits, table.length, doubleQuantize),
  }
}

/** The level closest to x; of two the lower. */
function nearest(x: number, table: Float32Array): number {
  let [low, high] = [0, table.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (table[middle]! <= x) low = middle
    else high = middle
  }
  const [below, above] = [x - table[low]!, table[high]! - x]
  return below * below <= above * above ? low : high
}

function sizeOfLevels(
  { dims, group, axis, rangeDims }: GroupLayout,
  bits: number,
  entries: number,
  double: boolean,
) {
  const columns = dims.at(-1)!
  const codes = columns === 0 ? 0 : (sizeOf(dims) / columns) * packedRowBytes(columns, bits)
  const own = codes + bytesOf('float32', entries) + canonicalJson({ bits, group, axis }).length
  if (!double) return { bytes: own + bytesOf('float32', sizeOf(rangeDims)), exact: true }
  const scales = affineGrid(SCALE_OPTIONS).size(groupLayout(rangeDims, SCALE_GROUP, 0, WHERE))
  return { bytes: own + scales.bytes, exact: scales.exact }
}
