import { openPrivateFile, privateFolder, writeAt } from './private-folder.ts'

const FOLDER = 'compressed'

/** A file that grows until it is whole, and that nobody finds when the page is left. */
export interface ScratchFile {
  /** Where its bytes are, in words. */
  readonly where: string
  append(bytes: Uint8Array): void
  /** Everything that was appended. */
  finish(): Promise<Blob>
  /** Removes it, whole or not. */
  drop(): Promise<void>
}

/** A file among the private ones of the page, so that memory holds one tensor at a time; where there are none, in memory. */
export async function createScratchFile(): Promise<ScratchFile> {
  try {
    return await inFolder(await privateFolder(FOLDER))
  } catch (error) {
    return inMemory((error as Error).message)
  }
}

/** Removes what pages left that were closed, or whose browser ended. */
export async function removeLeftovers(): Promise<void> {
  const folder = await privateFolder(FOLDER).catch(() => undefined)
  if (folder === undefined) return
  for await (const name of folder.keys()) {
    await navigator.locks.request(name, { ifAvailable: true }, async lock => {
      if (lock !== null) await folder.removeEntry(name).catch(() => {})
    })
  }
}

async function inFolder(folder: FileSystemDirectoryHandle): Promise<ScratchFile> {
  const name = crypto.randomUUID()
  const unlock = await holdLock(name)
  const file = await openPrivateFile(folder, name).catch(error => {
    unlock()
    throw error
  })
  let length = 0
  return {
    where: 'the private files of this page',
    append(bytes) {
      writeAt(file, bytes, length)
      length += bytes.length
    },
    async finish() {
      file.flush()
      file.close()
      return (await folder.getFileHandle(name)).getFile()
    },
    async drop() {
      file.close()
      await folder.removeEntry(name)
      unlock()
    },
  }
}

/** Says that a file is somebody's, until it is let go or the worker ends. */
function holdLock(name: string): Promise<() => void> {
  return new Promise((held, failed) => {
    navigator.locks.request(name, () => new Promise<void>(unlock => held(unlock))).catch(failed)
  })
}

function inMemory(reason: string): ScratchFile {
  let parts: Blob[] = []
  return {
    where: `memory: ${reason}`,
    append(bytes) {
      parts.push(new Blob([Uint8Array.from(bytes)]))
    },
    finish: async () => new Blob(parts),
    async drop() {
      parts = []
    },
  }
}
