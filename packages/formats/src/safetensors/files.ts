import type { FileHandle } from 'node:fs/promises'
import { UnsupportedError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'

/** Node writes at most 2^31 − 1 bytes at once. */
const MAX_WRITE_BYTES = 2 ** 30

/** Writes all of `bytes`, in as many calls as it takes. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, MAX_WRITE_BYTES)
    const { bytesWritten } = await handle.write(bytes, done, length, position + done)
    done += bytesWritten
  }
}

/** A path, of a `file:` URL too. */
export function pathOf(path: string | URL): string {
  return path instanceof URL ? nodeModule<typeof import('node:url')>('node:url')!.fileURLToPath(path) : path
}

/** @throws {UnsupportedError} where there is none */
export function fileSystem(): typeof import('node:fs/promises') {
  const files = nodeModule<typeof import('node:fs/promises')>('node:fs/promises')
  if (files !== undefined) return files
  throw new UnsupportedError(
    '[formats/safetensors] expected a file system to write to, got none; use encodeSafetensors',
  )
}
