import type { RandomAccess } from '../random-access.ts'

/** Bytes in memory; reads are views. */
export function bytesSource(bytes: Uint8Array): RandomAccess {
  return {
    byteLength: bytes.byteLength,
    read: async (start, length) => bytes.subarray(start, start + length),
    close: async () => {},
  }
}
