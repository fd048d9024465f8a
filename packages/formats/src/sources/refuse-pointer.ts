import { FormatError } from '@tersor/core-tensor'
import type { RandomAccess } from '../random-access.ts'

/** How long pointers of Git LFS are, from a file of no bytes to what its specification allows. */
const POINTER_BYTES = [126, 1024] as const

const START = 'version https://git-lfs.github.com/spec/v1\n'

/**
 * Throws for what Git leaves in place of a large file when Git LFS is not installed.
 *
 * @throws {FormatError}
 */
export async function refusePointer(source: RandomAccess, name: string, signal?: AbortSignal): Promise<void> {
  const [shortest, longest] = POINTER_BYTES
  if (source.byteLength < shortest || source.byteLength >= longest) return
  const start = new TextDecoder().decode(await source.read(0, START.length, signal))
  if (start !== START) return
  throw new FormatError(
    `[formats/source] expected a file at ${name}, got a pointer of Git LFS to it; run 'git lfs pull', or download the file itself`,
  )
}
