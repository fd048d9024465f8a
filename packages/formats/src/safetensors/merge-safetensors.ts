import { nodeModule } from '@tersor/core-tensor/host'
import { storedTrees } from '../encoded/encoded-tree.ts'
import { openSource } from '../random-access.ts'
import { Contents } from './contents.ts'
import type { EncodeSafetensorsOptions } from './encode-safetensors.ts'
import { fileSystem, pathOf, writeFully } from './files.ts'
import { readHeader } from './open-safetensors.ts'

/** Data are copied in pieces of this size. */
const COPY_BYTES = 2 ** 22

export interface MergeSafetensorsOptions extends EncodeSafetensorsOptions {
  signal?: AbortSignal | undefined
}

/**
 * Puts safetensors files together into one, with the bytes that `encodeSafetensors` gives for all their
 * entries, as long as no tensor is a part in two of the files: reads the headers first, then copies the data into their places, so that none of them is held.
 * Metadata of the files are dropped, but for the trees of encoded tensors.
 *
 * Writes to `path` with `.partial` behind it, replacing what a killed run left there, and syncs it; the
 * caller renames it once everything else is in place.
 *
 * @returns where the bytes are, how many, and their SHA-256
 * @throws {FormatError} when a name occurs twice, or a file is malformed
 * @throws {UnsupportedError} where there is no file system
 * @example
 * for (const [name, value] of Object.entries({ a: 1, b: 2 })) {
 *   const writer = await createSafetensorsWriter(`${name}.safetensors`)
 *   await writer.write(name, new Tensor('float32', [value], [1]))
 *   await writer.finish()
 * }
 * const { partial, fileBytes } = await mergeSafetensors(['b.safetensors', 'a.safetensors'], 'both.safetensors')
 * partial // => 'both.safetensors.partial'
 * fileBytes // => 128
 */
export async function mergeSafetensors(
  files: readonly (string | URL)[],
  path: string | URL,
  { metadata = {}, signal }: MergeSafetensorsOptions = {},
): Promise<{ partial: string; fileBytes: number; sha256: string }> {
  const contents = new Contents<never>()
  const places = new Map<string, { file: string | URL; start: number }>()
  for (const file of files) {
    const source = await openSource(file)
    try {
      const header = await readHeader(source)
      const tensors = new Map(Array.from(header.tensors, ([name, info]) => [name, { name, ...info }]))
      contents.addFile(tensors, storedTrees(header.metadata))
      for (const [name, { start }] of header.tensors) places.set(name, { file, start })
    } finally {
      await source.close()
    }
  }
  const fs = fileSystem()
  const partial = `${pathOf(path)}.partial`
  const hash = nodeModule<typeof import('node:crypto')>('node:crypto')!.createHash('sha256')
  let fileBytes = 0
  try {
    await using out = await fs.open(partial, 'w')
    const append = async (bytes: Uint8Array) => {
      signal?.throwIfAborted()
      hash.update(bytes)
      await writeFully(out, bytes, fileBytes)
      fileBytes += bytes.length
    }
    await append(contents.header(metadata))
    for (const { name, byteLength } of contents.inOrder()) {
      const { file, start } = places.get(name)!
      const source = await openSource(file)
      try {
        for (let at = 0; at < byteLength; at += COPY_BYTES)
          await append(await source.read(start + at, Math.min(COPY_BYTES, byteLength - at), signal))
      } finally {
        await source.close()
      }
    }
    await out.sync()
  } catch (error) {
    await fs.rm(partial, { force: true })
    throw error
  }
  return { partial, fileBytes, sha256: hash.digest('hex') }
}
