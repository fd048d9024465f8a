import { FormatError } from '@tersor/core-tensor'
import { contentHash } from '../cache/content-hash.ts'
import type { CacheWriter, FileCache } from '../cache/file-cache.ts'
import { type RemoteFile, remoteFile } from '../cache/remote-file.ts'
import { type Connection, connectionTo } from '../http/connection.ts'
import { readBytes } from '../http/read-bytes.ts'
import { urlText } from '../http/url-text.ts'
import type { RandomAccess, SourceOptions } from '../random-access.ts'

/** Bytes that are hashed at a time, of what was there before. */
const HASHED_BYTES = 2 ** 22

/**
 * A web resource out of a cache, into which it is downloaded as a whole when it is not there; a download that was stopped goes
 * on where it was.
 *
 * @throws {FormatError} when the bytes do not have the hash that the server said; they are dropped
 */
export async function cachedSource(
  url: URL,
  cache: FileCache,
  options: SourceOptions,
): Promise<RandomAccess> {
  const connection = connectionTo(url, options)
  const file = await remoteFile(connection, options)
  const found = await cache.open(file.key)
  if (found?.byteLength === file.byteLength) return found
  await found?.close()
  if (found !== undefined) await cache.remove(file.key)
  const writer = await cache.write(file.key, file.byteLength)
  try {
    if (writer.byteLength <= file.byteLength) {
      await download(connection, file, writer, options)
      return await writer.finish()
    }
    await writer.drop()
  } finally {
    await writer.close()
  }
  return cachedSource(url, cache, options)
}

async function download(
  connection: Connection,
  { byteLength, hash, etag }: RemoteFile,
  writer: CacheWriter,
  { signal, onProgress }: SourceOptions,
): Promise<void> {
  const found = hash === undefined ? undefined : contentHash(hash.kind, byteLength)
  const before = writer.byteLength
  for (let start = 0; found !== undefined && start < before; start += HASHED_BYTES) {
    signal?.throwIfAborted()
    found.update(await writer.read(start, Math.min(HASHED_BYTES, before - start)))
  }
  const name = connection.url.pathname.slice(connection.url.pathname.lastIndexOf('/') + 1)
  if (before < byteLength) {
    for await (const piece of readBytes(connection, { start: before }, { byteLength, etag }, signal)) {
      await writer.append(piece)
      found?.update(piece)
      onProgress?.(writer.byteLength, byteLength, decodeURIComponent(name))
    }
  }
  const hex = await found?.hex()
  if (hex === hash?.hex) return
  await writer.drop()
  throw new FormatError(
    `[formats/cache] expected bytes with the ${hash!.kind} ${hash!.hex} from ${urlText(connection.url)}, got ${hex}; ` +
      'they were damaged on the way and are dropped, try again',
  )
}
