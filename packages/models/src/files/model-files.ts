import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'
import { openSource, type SourceOptions } from '@tersor/formats'

/** Where a file of a model lies: a path (Node), or a URL of the web. */
export type Place = string | URL

/** A path for `file:` URLs, a URL for what starts as one. */
export function placeOf(from: string | URL): Place {
  if (typeof from === 'string') return /^https?:\/\//.test(from) ? new URL(from) : from
  return from.protocol === 'file:' ? node<typeof import('node:url')>('node:url').fileURLToPath(from) : from
}

/** What a path or URL ends with, without query. */
export function nameOf(place: Place): string {
  return place instanceof URL ? place.pathname : place
}

/**
 * URLs of folders end with a slash.
 *
 * @throws {FormatError} when nothing is at a path
 */
export async function isFolder(place: Place): Promise<boolean> {
  if (place instanceof URL) return place.pathname.endsWith('/')
  const found = await files()
    .stat(place)
    .catch(error => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
      throw new FormatError(`[models/open-model] expected a file or folder, got nothing at ${place}`)
    })
  return found.isDirectory()
}

export function inFolder(folder: Place, name: string): Place {
  return folder instanceof URL ? new URL(name, folder) : paths().join(folder, name)
}

export function beside(file: Place, name: string): Place {
  return file instanceof URL ? new URL(name, file) : paths().join(paths().dirname(file), name)
}

/** Writes a small file beside a model; some lie in a folder of their own there. */
export async function writeFile(place: Place, bytes: Uint8Array): Promise<void> {
  if (place instanceof URL)
    throw new UnsupportedError(`[models/files] expected a path to write, got ${place}`)
  await files().mkdir(paths().dirname(place), { recursive: true })
  await files().writeFile(place, bytes, { flag: 'wx' })
}

export async function isThere(place: Place, options: SourceOptions = {}): Promise<boolean> {
  return (await whyNotThere(place, options)) === undefined
}

/** Undefined for what is there; else why it is not, in words. */
export async function whyNotThere(
  place: Place,
  { fetch: send = fetch, signal }: SourceOptions = {},
): Promise<string | undefined> {
  if (place instanceof URL) {
    const { ok, status } = await send(place, { method: 'HEAD', signal: signal ?? null })
    return ok ? undefined : `status ${status}`
  }
  return files()
    .access(place)
    .then(
      () => undefined,
      () => 'no such file',
    )
}

/** All bytes of a small file, or undefined where there is none. */
export async function readIfThere(
  place: Place,
  { fetch: send = fetch, signal }: SourceOptions = {},
): Promise<Uint8Array | undefined> {
  if (!(place instanceof URL)) return (await isThere(place)) ? files().readFile(place) : undefined
  const response = await send(place, { signal: signal ?? null })
  if (response.status === 404) return undefined
  if (!response.ok) {
    throw new FormatError(
      `[models/open-model] expected status 200 from ${place.href}, got ${response.status}`,
    )
  }
  return new Uint8Array(await response.arrayBuffer())
}

export async function readTextIfThere(
  place: Place,
  options: SourceOptions = {},
): Promise<string | undefined> {
  const bytes = await readIfThere(place, options)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** The first bytes of a file, by which some formats are known: fewer where it is shorter. */
export async function startOf(place: Place, length: number, options: SourceOptions): Promise<Uint8Array> {
  const source = await openSource(place, options)
  try {
    return await source.read(0, Math.min(length, source.byteLength), options.signal ?? undefined)
  } finally {
    await source.close()
  }
}

/** Bytes of all files together. */
export async function bytesOfFiles(places: readonly Place[], options: SourceOptions): Promise<number> {
  const sizes = await Promise.all(
    places.map(async place => {
      const source = await openSource(place, options)
      await source.close()
      return source.byteLength
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

const files = () => node<typeof import('node:fs/promises')>('node:fs/promises')
const paths = () => node<typeof import('node:path')>('node:path')

function node<T>(name: string): T {
  const module = nodeModule<T>(name)
  if (module !== undefined) return module
  throw new UnsupportedError(
    '[models/open-model] expected a URL, got a path where there is no file system; use new URL(path, location.href)',
  )
}
