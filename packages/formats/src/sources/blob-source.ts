import type { RandomAccess } from '../random-access.ts'

/** A blob, such as a file that a user chose in a browser. */
export function blobSource(blob: Blob): RandomAccess {
  return {
    byteLength: blob.size,
    read: async (start, length) => new Uint8Array(await blob.slice(start, start + length).arrayBuffer()),
    close: async () => {},
  }
}
