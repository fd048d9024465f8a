import { DTypeError } from '../errors.ts'
import { dtypeBits } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** The elements as opaque units of their width, for kernels that only move them. */
export function elements(x: Tensor, where: string): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = x.data
  switch (dtypeBits[x.type]) {
    case 8:
      return new Uint8Array(buffer, byteOffset, byteLength)
    case 16:
      return new Uint16Array(buffer, byteOffset, byteLength / 2)
    case 32:
      return new Uint32Array(buffer, byteOffset, byteLength / 4)
    case 64:
      // BigInts, because moving int64 as floats could rewrite bits that look like a NaN; they are only moved, so the type may lie.
      return new BigUint64Array(buffer, byteOffset, byteLength / 8) as unknown as Uint32Array
    default:
      throw new DTypeError(`[${where}] expected whole bytes, got ${x.type}; cast it to uint8`)
  }
}

/** `from` as it is, or copied where writing `to` would change it. */
export function apart<T extends Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array>(
  from: T,
  to: ArrayBufferView,
): T {
  const overlap =
    from.buffer === to.buffer &&
    from.byteOffset < to.byteOffset + to.byteLength &&
    to.byteOffset < from.byteOffset + from.byteLength
  return overlap ? (from.slice() as T) : from
}
