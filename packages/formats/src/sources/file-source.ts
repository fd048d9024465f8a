import { UnsupportedError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'
import type { RandomAccess } from '../random-access.ts'
import { allocate } from './allocate.ts'

/** Node reads at most 2^31 − 1 bytes at once. */
const MAX_READ_BYTES = 2 ** 30

/** A file of the file system. Errors of the file system, such as ENOENT, come through as they are. */
export async function fileSource(path: string | URL): Promise<RandomAccess> {
  const files = nodeModule<typeof import('node:fs/promises')>('node:fs/promises')
  if (files === undefined) {
    throw new UnsupportedError(
      '[formats/source] expected a URL, a blob or bytes, got a path where there is no file system; ' +
        'use new URL(path, location.href)',
    )
  }
  const handle = await files.open(path, 'r')
  const { size } = await handle.stat().catch(async error => {
    await handle.close()
    throw error
  })
  return {
    byteLength: size,
    async read(start, length, signal) {
      const bytes = allocate(length)
      let filled = 0
      while (filled < length) {
        signal?.throwIfAborted()
        const { bytesRead } = await handle.read(
          bytes,
          filled,
          Math.min(length - filled, MAX_READ_BYTES),
          start + filled,
        )
        if (bytesRead === 0) return bytes.subarray(0, filled)
        filled += bytesRead
      }
      return bytes
    },
    close: () => handle.close(),
  }
}
