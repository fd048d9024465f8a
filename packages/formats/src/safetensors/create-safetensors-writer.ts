import { type Encoded, FormatError, type Tensor } from '@tersor/core-tensor'
import { Contents, type StoredTensor } from './contents.ts'
import type { EncodeSafetensorsOptions } from './encode-safetensors.ts'
import { fileSystem, pathOf, writeFully } from './files.ts'

/** Data move from the spool to the file in pieces of this size. */
const COPY_BYTES = 2 ** 22

export interface SafetensorsWriter {
  /** Adds a tensor, plain or encoded; its data are on disk when this resolves. */
  write(name: string, weight: Tensor | Encoded): Promise<void>
  /**
   * Puts the file in its place.
   *
   * @param metadata  strings for `__metadata__`, beside and before those given at the start
   * @returns the length of the file
   */
  finish(metadata?: Readonly<Record<string, string>>): Promise<{ fileBytes: number }>
  /** Gives up and removes what was written so far; does nothing after `finish`. */
  abort(): Promise<void>
}

/**
 * Writes a safetensors file tensor by tensor: one tensor is in memory at a time.
 *
 * A tensor that is a part of several weights is written once, unless its memory changed in between.
 * Data go to a temporary file beside `path`; `finish` writes header and data to a second one,
 * sorted as by `encodeSafetensors` and so with the same bytes, and renames it. Nothing partial
 * ever has the name `path`, and an error in any call removes the temporary files. The folder
 * needs room for the data twice.
 *
 * @param path  a path or a `file:` URL; an existing file is replaced
 * @throws {FormatError} when a name occurs twice
 * @throws {UnsupportedError} where there is no file system
 * @example
 * const writer = await createSafetensorsWriter('model.safetensors')
 * await writer.write('w', new Tensor('float32', [1, 2], [2]))
 * const { fileBytes } = await writer.finish({ format: 'pt' })
 * fileBytes // => 104
 */
export async function createSafetensorsWriter(
  path: string | URL,
  { metadata = {} }: EncodeSafetensorsOptions = {},
): Promise<SafetensorsWriter> {
  const fs = fileSystem()
  const target = pathOf(path)
  const unique = `${target}.${crypto.randomUUID().slice(0, 8)}`
  const [spoolPath, partialPath] = [`${unique}.data.partial`, `${unique}.partial`]
  const spool = await fs.open(spoolPath, 'wx+')
  const contents = new Contents<Tensor>()
  const offsets = new Map<StoredTensor, number>()
  let spooled = 0
  let open = true
  let queue: Promise<unknown> = Promise.resolve()

  /** Calls run one after the other; the first that fails is the last. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = queue.then(async () => {
      if (!open)
        throw new FormatError(
          '[formats/safetensors] expected an open writer, got one that finished, failed or was aborted',
        )
      try {
        return await run()
      } catch (error) {
        await cleanUp()
        throw error
      }
    })
    queue = result.catch(() => {})
    return result
  }

  async function cleanUp(): Promise<void> {
    if (!open) return
    open = false
    await spool.close()
    await Promise.all([spoolPath, partialPath].map(file => fs.rm(file, { force: true })))
  }

  /** Whether what a tensor holds is still what the spool has of it. */
  async function unchanged(stored: StoredTensor, tensor: Tensor): Promise<boolean> {
    const { buffer, byteOffset, byteLength } = tensor.device.host ? tensor.data : await tensor.read()
    for (let done = 0; done < byteLength; done += COPY_BYTES) {
      const now = new Uint8Array(buffer, byteOffset + done, Math.min(COPY_BYTES, byteLength - done))
      const then = new Uint8Array(now.length)
      await readSpool(then, offsets.get(stored)! + done)
      if (then.some((byte, i) => byte !== now[i])) return false
    }
    return true
  }

  async function spoolEntry(name: string, weight: Tensor | Encoded): Promise<void> {
    for (const { stored, tensor } of contents.storedOf(weight))
      if (!(await unchanged(stored, tensor))) contents.forget(tensor)
    for (const { stored, tensor } of contents.add(name, weight)) {
      const { buffer, byteOffset, byteLength } = tensor.device.host ? tensor.data : await tensor.read()
      await writeFully(spool, new Uint8Array(buffer, byteOffset, byteLength), spooled)
      offsets.set(stored, spooled)
      spooled += byteLength
    }
  }

  async function readSpool(into: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await spool.read(into, done, into.length - done, position + done)
      if (bytesRead === 0)
        throw new FormatError(
          `[formats/safetensors] expected ${spoolPath} to be left alone, got it cut short`,
        )
      done += bytesRead
    }
  }

  async function assemble(header: Uint8Array): Promise<number> {
    await using partial = await fs.open(partialPath, 'wx')
    await writeFully(partial, header, 0)
    const piece = new Uint8Array(Math.min(COPY_BYTES, spooled))
    let at = header.length
    for (const stored of contents.inOrder()) {
      const from = offsets.get(stored)!
      for (let done = 0; done < stored.byteLength; done += piece.length) {
        const some = piece.subarray(0, Math.min(piece.length, stored.byteLength - done))
        await readSpool(some, from + done)
        await writeFully(partial, some, at)
        at += some.length
      }
    }
    await partial.sync()
    return at
  }

  return {
    write: (name, weight) => inTurn(() => spoolEntry(name, weight)),
    finish: (extra = {}) =>
      inTurn(async () => {
        const fileBytes = await assemble(contents.header({ ...metadata, ...extra }))
        await fs.rename(partialPath, target)
        await cleanUp()
        return { fileBytes }
      }),
    async abort() {
      await queue
      await cleanUp()
    },
  }
}
