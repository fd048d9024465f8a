import { codebook, type Encoded, Tensor } from '@tersor/core-tensor'
import { tableOf } from './value-tables.ts'

/**
 * Small floats of a few bits along rows, in groups that share a scale.
 *
 * @param bytes  (out, in · bits / 8), least significant bits first
 * @param values  what the codes mean
 */
export function floatCodes(
  bytes: Uint8Array,
  values: ArrayLike<number>,
  { dims, bits, group, scale }: { dims: readonly number[]; bits: number; group: number; scale: Encoded },
): Encoded {
  const codes = new Tensor('uint8', bytes, [...dims.slice(0, -1), (dims.at(-1)! * bits) / 8])
  return codebook({ codes, table: tableOf(values), scale }, { dims, bits, group, axis: -1 })
}
