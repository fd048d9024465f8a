import { FileError, UnsupportedError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'
import type { RandomAccess } from '../random-access.ts'
import { writeFully } from '../safetensors/files.ts'
import { fileSource } from '../sources/file-source.ts'
import type { CacheWriter, FileCache } from './file-cache.ts'
import { isGone, newOwner } from './owner.ts'

/** Room for a model of 7 billion weights in 16 bits, and a few small ones. */
const MAX_BYTES = 20e9

export interface FolderCacheOptions {
  /** Of all files together: 20 GB by default. Those that were not used for longest go first, none that is in use. */
  maxBytes?: number | undefined
}

/**
 * Files from servers in a folder (Node). What was stopped half-way is kept and gone on with, by another process too; whole
 * files appear at once, under their own names. Several processes may share a folder: each writes to files of its own.
 *
 * A file `KEY` is whole, `KEY.part` waits to be gone on with, `KEY.OWNER.part` is being written, and `KEY.OWNER.use`, which is
 * empty, says that `KEY` is being read. What belongs to a process that has ended is anybody's: whoever renames it first has it.
 *
 * @param folder  made when the first file comes
 * @throws {UnsupportedError} where there is no file system
 * @throws {FileError} from `write`, for a file that does not fit into `maxBytes` beside those in use
 * @example
 * const cache = folderCache('models', { maxBytes: 5e9 })
 * await cache.open('not-there') // => undefined
 */
export function folderCache(folder: string, { maxBytes = MAX_BYTES }: FolderCacheOptions = {}): FileCache {
  const { files, paths } = modules()
  const at = (name: string) => paths.join(folder, name)
  const forget = (name: string) => files.rm(at(name), { force: true })

  /** Everything in the folder that is the cache's. */
  async function stored(): Promise<readonly Stored[]> {
    const names = await files.readdir(folder)
    const found = await Promise.all(
      names.map(async name => {
        // Another process may take a file away in between.
        const about = await files.stat(at(name)).catch(() => undefined)
        const parsed = parseName(name)
        return about === undefined || parsed === undefined
          ? []
          : [{ ...parsed, name, byteLength: about.size, used: about.mtimeMs }]
      }),
    )
    return found.flat()
  }

  async function makeRoom(key: string, byteLength: number): Promise<void> {
    const all = await stored()
    for (const { name, kind, owner } of all) if (kind === 'use' && isGone(owner!)) await forget(name)
    const used = new Set(
      all.filter(({ kind, owner }) => kind === 'use' && !isGone(owner!)).map(one => one.key),
    )
    const others = all.filter(one => one.key !== key)
    let needed = byteLength + others.reduce((sum, one) => sum + one.byteLength, 0) - maxBytes
    const free = others.filter(one => (one.kind === 'whole' ? !used.has(one.key) : isFree(one)))
    for (const { name, byteLength } of free.sort((a, b) => a.used - b.used)) {
      if (needed <= 0) return
      await forget(name)
      needed -= byteLength
    }
    if (needed <= 0) return
    throw new FileError(
      `[formats/cache] expected room for ${byteLength} bytes in ${folder} beside what is in use, got ${maxBytes} bytes for all; ` +
        'allow more with `maxBytes`, or close other models',
    )
  }

  /** Says of a whole file that it is used, and opens it. */
  async function use(key: string): Promise<RandomAccess | undefined> {
    const mark = `${key}.${newOwner()}.use`
    // In a folder that cannot be written to nothing can be forgotten either.
    await files.writeFile(at(mark), '').catch(() => {})
    const source = await fileSource(at(key)).catch(async error => {
      await forget(mark).catch(() => {})
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (source === undefined) return undefined
    const now = new Date()
    await files.utimes(at(key), now, now).catch(() => {})
    return {
      byteLength: source.byteLength,
      read: (...range) => source.read(...range),
      async close() {
        await source.close()
        await forget(mark).catch(() => {})
      },
    }
  }

  /** Takes over what is left of a file that nobody writes any more, under a new name. */
  async function takeOver(key: string, name: string): Promise<void> {
    const left = (await stored()).filter(one => one.key === key && one.kind === 'part' && isFree(one))
    let taken = false
    for (const one of left.sort((a, b) => b.byteLength - a.byteLength)) {
      if (taken) await forget(one.name)
      else
        taken = await files.rename(at(one.name), at(name)).then(
          () => true,
          () => false,
        )
    }
  }

  return {
    open: use,
    remove: forget,
    async write(key, byteLength): Promise<CacheWriter> {
      await files.mkdir(folder, { recursive: true })
      await makeRoom(key, byteLength)
      const name = `${key}.${newOwner()}.part`
      await takeOver(key, name)
      const handle = await files.open(at(name), 'a+')
      let { size: written } = await handle.stat()
      let open = true
      const end = async () => {
        if (open) await handle.close()
        open = false
      }
      return {
        get byteLength() {
          return written
        },
        async read(start, length) {
          const bytes = new Uint8Array(length)
          const { bytesRead } = await handle.read(bytes, 0, length, start)
          return bytes.subarray(0, bytesRead)
        },
        async append(bytes) {
          await writeFully(handle, bytes, written)
          written += bytes.length
        },
        async finish() {
          await handle.sync()
          await end()
          await files.rename(at(name), at(key))
          const whole = await use(key)
          if (whole !== undefined) return whole
          throw new FileError(
            `[formats/cache] expected ${key} in ${folder}, got none; is the folder being emptied?`,
          )
        },
        async drop() {
          await end()
          await forget(name)
        },
        async close() {
          if (!open) return
          await end()
          await files.rename(at(name), at(`${key}.part`))
        },
      }
    },
  }
}

function modules() {
  const files = nodeModule<typeof import('node:fs/promises')>('node:fs/promises')
  const paths = nodeModule<typeof import('node:path')>('node:path')
  if (files !== undefined && paths !== undefined) return { files, paths }
  throw new UnsupportedError(
    '[formats/cache] expected a file system for the folder of a cache, got none; pass a `FileCache` of your own',
  )
}

/** A file in the folder of a cache. */
interface Stored {
  readonly name: string
  readonly key: string
  readonly kind: 'whole' | 'part' | 'use'
  /** Of what is being written or read. */
  readonly owner: string | undefined
  readonly byteLength: number
  /** When it was used last, in milliseconds. */
  readonly used: number
}

/** Keys end with the hash of what they stand for, so that no key looks like the name of a part; other files are not the cache's. */
function parseName(name: string): Pick<Stored, 'key' | 'kind' | 'owner'> | undefined {
  const found = /^(.+-[0-9a-f]{32})(?:(?:\.(\d+-\d+-[0-9a-f]{8}))?\.(part|use))?$/.exec(name)
  if (found === null) return undefined
  const [, key, owner, kind = 'whole'] = found
  return { key: key!, owner, kind: kind as Stored['kind'] }
}

function isFree({ kind, owner }: Stored): boolean {
  return kind !== 'use' && (owner === undefined || isGone(owner))
}
