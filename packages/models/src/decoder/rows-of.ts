import { decode, isEncoded, Tensor } from '@tersor/core-tensor'
import { gather } from '@tersor/core-tensor/reference'
import type { ModelWeights, Weight } from './model-weights.ts'

/** Some rows of a table, in float32: decoded one by one, or all at once where they are many. */
export function rowsOf({ device, all }: ModelWeights, role: string, rows: Int32Array): Tensor {
  const table: Weight = all.get(role)!
  const [count = 0, width = 0] = table.dims
  if (rows.length > count / 8 || !isEncoded(table)) {
    const index = device.upload(new Tensor('int32', rows, [rows.length]))
    return gather(isEncoded(table) ? decode(table) : table, index, { axis: 0 })
  }
  const x = device.empty('float32', [rows.length, width])
  for (const [i, row] of rows.entries()) decode(table, { rows: [row, row + 1], out: x.rows(i, i + 1) })
  return x
}
