import { FileError, UnsupportedError } from '@tersor/core-tensor'

/** A file that is open for writing, which workers have alone and the types of pages lack. */
export interface SyncFile {
  read(into: Uint8Array, options: { at: number }): number
  write(bytes: Uint8Array, options: { at: number }): number
  getSize(): number
  flush(): void
  close(): void
}

/**
 * A folder of the page's private files, made where there is none.
 *
 * @throws {UnsupportedError} where the browser has none for this page
 */
export async function privateFolder(name: string): Promise<FileSystemDirectoryHandle> {
  // Browsers leave `storage` out where a page came over http: from another machine.
  const root = await navigator.storage?.getDirectory().catch(() => undefined)
  if (root !== undefined) return root.getDirectoryHandle(name, { create: true })
  throw new UnsupportedError(
    '[page/files] expected private files of this page, got none from the browser; use https: and no private window',
  )
}

/** Opens a file for writing, which nobody else may do meanwhile. */
export async function openPrivateFile(folder: FileSystemDirectoryHandle, name: string): Promise<SyncFile> {
  const handle = (await folder.getFileHandle(name, { create: true })) as FileSystemFileHandle & {
    createSyncAccessHandle(): Promise<SyncFile>
  }
  return handle.createSyncAccessHandle()
}

/**
 * Writes all of `bytes`.
 *
 * @throws {FileError} when there is no room for them
 */
export function writeAt(file: SyncFile, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    const written = writeSome(file, bytes.subarray(done), at + done)
    if (written === 0) throw noRoom(bytes.length)
    done += written
  }
}

function writeSome(file: SyncFile, bytes: Uint8Array, at: number): number {
  try {
    return file.write(bytes, { at })
  } catch (error) {
    throw (error as Error).name === 'QuotaExceededError' ? noRoom(bytes.length) : error
  }
}

function noRoom(byteLength: number): FileError {
  return new FileError(
    `[page/files] expected room for ${byteLength} bytes more in the private files of this page, got none; ` +
      'free some disk, or forget kept downloads',
  )
}
