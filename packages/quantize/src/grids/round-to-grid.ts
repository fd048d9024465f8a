import { aroundAxis, type Device, type Encoded, sizeOf } from '@tersor/core-tensor'
import { fitGroups } from './fit-groups.ts'
import type { Grid, GroupLayout } from './grid.ts'

/**
 * Every weight as the code that its group's range gives it.
 *
 * @param values  row by row
 * @throws {NumericalError} when a weight is not finite, or a scale does not fit its type
 */
export function roundToGrid(
  grid: Grid,
  values: Float32Array,
  layout: GroupLayout,
  device: Device,
  where: string,
): Encoded {
  const ranges = fitGroups(grid, values, layout, where)
  const parts = grid.store(ranges, layout, device)
  const codes = new Uint8Array(values.length)
  const shared = sizeOf(layout.rangeDims) === 1
  const { outer, length, inner } = aroundAxis(layout.dims, layout.axis, where)
  const groups = Math.ceil(length / layout.group)
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < length; j++) {
      const from = (o * length + j) * inner
      const row = (o * groups + Math.floor(j / layout.group)) * inner
      for (let i = 0; i < inner; i++) {
        codes[from + i] = grid.code(values[from + i]!, ranges, shared ? 0 : (row + i) * grid.width)
      }
    }
  }
  return grid.encoded(codes, parts, layout, device)
}
