import type { FileHandle } from 'node:fs/promises'
import { FileError, UnsupportedError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'

/** What a file is called until all of it is there. */
export const PARTIAL = '.partial'

/** What is read of a file at a time. */
const PIECE_BYTES = 2 ** 20

export const files = () => node<typeof import('node:fs/promises')>('node:fs/promises')
export const paths = () => node<typeof import('node:path')>('node:path')
export const crypto = () => node<typeof import('node:crypto')>('node:crypto')
export const system = () => node<typeof import('node:os')>('node:os')

/** A path, of a `file:` URL too. */
export function pathOf(path: string | URL): string {
  return path instanceof URL ? node<typeof import('node:url')>('node:url').fileURLToPath(path) : path
}

/** The error code of a system call, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code
}

/** Whether the system found no file of that name. */
export function isNothing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
}

/** SHA-256 in hexadecimal. */
export function sha256(pieces: readonly (Uint8Array | string)[]): string {
  const hash = crypto().createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** SHA-256 of a file in hexadecimal, a piece of it in memory at a time; undefined where there is none. */
export async function hashOf(path: string): Promise<string | undefined> {
  const hash = crypto().createHash('sha256')
  try {
    await using file = await files().open(path, 'r')
    const piece = new Uint8Array(PIECE_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(piece.subarray(0, bytesRead))
    }
  } catch (error) {
    if (isNothing(error)) return undefined
    throw error
  }
}

/**
 * Writes a file under another name, syncs it, and renames it: whatever happens, it is there as a whole or not at all.
 *
 * @param by  the folder where it is written first; its own by default
 */
export async function writeWhole(
  path: string,
  pieces: readonly (Uint8Array | string)[],
  by: string = paths().dirname(path),
): Promise<void> {
  await fillWhole(
    path,
    async file => {
      for (const piece of pieces) await file.writeFile(piece)
    },
    by,
  )
}

/** The same of a file that `fill` writes, in whatever order. */
export async function fillWhole<T>(
  path: string,
  fill: (file: FileHandle) => Promise<T>,
  by: string = paths().dirname(path),
): Promise<T> {
  const partial = paths().join(by, `${paths().basename(path)}${PARTIAL}`)
  let result: T
  {
    await using file = await files().open(partial, 'w')
    result = await fill(file)
    await file.sync()
  }
  await files().rename(partial, path)
  return result
}

/** Writes bytes at a place of a file. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/** Renames a file, and makes that and all renames before it in its folder last. */
export async function moveTo(from: string, to: string): Promise<void> {
  await files().rename(from, to)
  await syncFolder(paths().dirname(to))
}

/** Where folders cannot be synced, as on Windows, renames last anyway. */
async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await files().open(folder, 'r')
    await handle.sync()
  } catch {}
}

/** All bytes, or undefined where there is no file. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return files()
    .readFile(path)
    .catch(error => {
      if (isNothing(error)) return undefined
      throw error
    })
}

/** What the system refused, as an error that says of which file. */
export function refused(path: string, error: unknown): FileError {
  return new FileError(
    `[compress/job] expected to write ${path}, got ${codeOf(error) ?? String(error)}; choose another place`,
    { cause: error },
  )
}

/** What ended a job: an error of the system, such as of a full disk, says what became of the work. */
export function ended(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  return new FileError(
    `[compress/job] expected to read and write files until ${path} is whole, got ${error.message}; what is done is kept, run the job again`,
    { cause: error },
  )
}

function node<T>(name: string): T {
  const module = nodeModule<T>(name)
  if (module !== undefined) return module
  throw new UnsupportedError(
    '[compress/job] expected a file system for a job, got none; call the methods themselves, and encodeSafetensors',
  )
}
