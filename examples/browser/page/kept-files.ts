import { FileError } from '@tersor/core-tensor'
import type { CacheWriter, FileCache, RandomAccess } from '@tersor/formats'
import { openSource } from '@tersor/formats'
import { openPrivateFile, privateFolder, type SyncFile, writeAt } from './private-folder.ts'

const FOLDER = 'models'

/** An empty file of this ending says that the one beside it is whole. */
const WHOLE = '.whole'

/**
 * Files from servers among the private ones of the page: they are there when it is opened again, and a download that was
 * stopped goes on where it was.
 *
 * @throws {UnsupportedError} where the browser has no private files for this page
 */
export async function keptFiles(): Promise<FileCache> {
  const folder = await privateFolder(FOLDER)
  const remove = async (name: string) => {
    await folder.removeEntry(name).catch(ignoreMissing)
  }
  const open = async (key: string): Promise<RandomAccess | undefined> => {
    const mark = await folder.getFileHandle(key + WHOLE).catch(ignoreMissing)
    return mark === undefined ? undefined : openSource(await (await folder.getFileHandle(key)).getFile())
  }
  return {
    open,
    async remove(key) {
      await remove(key + WHOLE)
      await remove(key)
    },
    async write(key, byteLength): Promise<CacheWriter> {
      const file = await openPrivateFile(folder, key).catch(inUse)
      let written = file.getSize()
      let isOpen = true
      const end = () => {
        if (!isOpen) return
        isOpen = false
        file.flush()
        file.close()
      }
      await requireRoom(byteLength - written).catch(error => {
        end()
        throw error
      })
      return {
        get byteLength() {
          return written
        },
        read: async (start, length) => readAt(file, start, length),
        async append(bytes) {
          writeAt(file, bytes, written)
          written += bytes.length
        },
        async finish() {
          end()
          await folder.getFileHandle(key + WHOLE, { create: true })
          return (await open(key))!
        },
        async drop() {
          end()
          await remove(key)
        },
        close: async () => end(),
      }
    },
  }
}

/** Removes all that is kept, and what of it is not whole. */
export async function forgetKeptFiles(): Promise<void> {
  const root = await navigator.storage.getDirectory()
  await root.removeEntry(FOLDER, { recursive: true }).catch(ignoreMissing)
}

function readAt(file: SyncFile, start: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  return bytes.subarray(0, file.read(bytes, { at: start }))
}

async function requireRoom(byteLength: number): Promise<void> {
  const { quota = Infinity, usage = 0 } = await navigator.storage.estimate()
  if (byteLength <= quota - usage) return
  throw new FileError(
    `[page/kept-files] expected room for ${byteLength} bytes in the private files of this page, got ${quota - usage}; ` +
      'free some disk, forget what is kept, or do not keep this download',
  )
}

function inUse(error: Error): never {
  if (error.name !== 'NoModificationAllowedError') throw error
  throw new FileError(
    '[page/kept-files] expected one download of a file at a time, got another tab that has begun; wait for it, or close it',
  )
}

function ignoreMissing(error: Error): undefined {
  if (error.name !== 'NotFoundError') throw error
}
