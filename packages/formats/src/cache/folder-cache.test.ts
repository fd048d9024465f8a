import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileError, UnsupportedError } from '@tersor/core-tensor'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FileCache } from './file-cache.ts'
import { folderCache } from './folder-cache.ts'

const key = (digit: number) => `model.bin-${String(digit).repeat(32)}`
const bytes = Uint8Array.from({ length: 100 }, (_, i) => i)

/** A number that no process has: Linux has at most 2^22. */
const GONE = 2 ** 30

describe('folderCache', () => {
  let folder: string
  let cache: FileCache

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'tersor-cache-')), 'models')
    cache = folderCache(folder, { maxBytes: 250 })
  })
  afterEach(() => rm(join(folder, '..'), { recursive: true }))

  async function fill(key: string): Promise<void> {
    const writer = await cache.write(key, bytes.length)
    await writer.append(bytes)
    await (await writer.finish()).close()
  }

  it('has no file before it is whole, and nothing else afterwards', async () => {
    expect(await cache.open(key(1))).toBeUndefined()
    const writer = await cache.write(key(1), bytes.length)
    await writer.append(bytes.subarray(0, 60))
    expect(await cache.open(key(1))).toBeUndefined()
    await writer.append(bytes.subarray(60))
    const whole = await writer.finish()
    expect(await whole.read(50, 20)).toEqual(bytes.subarray(50, 70))
    await whole.close()
    await writer.close()
    expect(await readdir(folder)).toEqual([key(1)])
    await cache.remove(key(1))
    expect(await cache.open(key(1))).toBeUndefined()
  })

  it('goes on with what was stopped', async () => {
    const first = await cache.write(key(1), bytes.length)
    await first.append(bytes.subarray(0, 60))
    await first.close()
    expect(await readdir(folder)).toEqual([`${key(1)}.part`])
    const second = await cache.write(key(1), bytes.length)
    expect(second.byteLength).toBe(60)
    expect(await second.read(10, 5)).toEqual(bytes.subarray(10, 15))
    await second.append(bytes.subarray(60))
    await (await second.finish()).close()
    expect(new Uint8Array(await readFile(join(folder, key(1))))).toEqual(bytes)
  })

  it('goes on with what a process left that was killed, and not with what one writes', async () => {
    const writing = await cache.write(key(1), bytes.length)
    await writing.append(bytes.subarray(0, 90))
    await writeFile(join(folder, `${key(1)}.${GONE}-1-abcdef01.part`), bytes.subarray(0, 30))
    await writeFile(join(folder, `${key(1)}.${process.pid}-1-abcdef01.part`), bytes.subarray(0, 20))
    const other = await folderCache(folder).write(key(1), bytes.length)
    expect(other.byteLength).toBe(30)
    await other.append(bytes.subarray(30))
    await writing.append(bytes.subarray(90))
    await (await writing.finish()).close()
    await (await other.finish()).close()
    expect(await readdir(folder)).toEqual([key(1)])
    expect(new Uint8Array(await readFile(join(folder, key(1))))).toEqual(bytes)
  })

  it('forgets what was not used for longest, and nothing that is in use', async () => {
    await fill(key(1))
    await fill(key(2))
    await utimes(join(folder, key(2)), 1, 1)
    await utimes(join(folder, key(1)), 2, 2)
    await fill(key(3))
    expect((await readdir(folder)).sort()).toEqual([key(1), key(3)])
    const using = (await cache.open(key(1)))!
    await utimes(join(folder, key(1)), 1, 1)
    await fill(key(4))
    expect((await readdir(folder)).filter(name => !name.endsWith('.use')).sort()).toEqual([key(1), key(4)])
    await expect(cache.write(key(5), 200)).rejects.toThrow(FileError)
    expect(await using.read(0, 3)).toEqual(bytes.subarray(0, 3))
    await using.close()
    await expect(cache.write(key(5), 251)).rejects.toThrow('expected room for 251 bytes')
    await (await cache.write(key(5), 250)).close()
    expect(await readdir(folder)).toEqual([`${key(5)}.part`])
  })

  it('counts no use by a process that was killed, and leaves files of others alone', async () => {
    await fill(key(1))
    await writeFile(join(folder, `${key(1)}.${GONE}-1-abcdef01.use`), '')
    await writeFile(join(folder, 'notes.txt'), 'mine')
    await (await cache.write(key(2), 250)).drop()
    expect(await readdir(folder)).toEqual(['notes.txt'])
  })

  it('needs a file system', () => {
    const modules = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    expect(() => folderCache('models')).toThrow(UnsupportedError)
    modules.mockRestore()
  })
})
