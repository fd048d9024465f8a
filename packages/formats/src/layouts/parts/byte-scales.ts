import { codebook, type Encoded, Tensor } from '@tersor/core-tensor'
import { tableOf } from './value-tables.ts'

/**
 * Scales that are stored in a byte each, kept so: what the bytes mean stands in a table.
 *
 * @param dims  (out, groups), or of a stack (experts, out, groups)
 */
export function byteScales(bytes: Uint8Array, values: Float32Array, dims: readonly number[]): Encoded {
  return codebook({ codes: new Tensor('uint8', bytes, dims), table: tableOf(values) }, { dims, bits: 8 })
}
