import { UnsupportedError } from '@tersor/core-tensor'

/** A buffer for one read, or a typed error where the platform has no array that long. */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length)
  } catch {
    throw new UnsupportedError(
      `[formats/source] expected a read that fits in one array, got ${length} bytes; read the file in smaller tensors`,
    )
  }
}
