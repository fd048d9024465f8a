import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'
import {
  HttpStatusError,
  openSource,
  readWhole,
  type SourceOptions,
  urlBeside,
  webUrl,
} from '@tersor/formats'

/** Where a file of a model lies: a path (Node), or a URL of the web. */
export type Place = string | URL

/** Small files beside weights are read whole; vocabularies of a million tokens take 50 MB. */
const MAX_SMALL_BYTES = 2 ** 28

/** A path for `file:` URLs, a URL for what starts as one and for names on the Hub. */
export function placeOf(from: string | URL, options: SourceOptions = {}): Place {
  const url = webUrl(from, options)
  if (url !== undefined) return url
  return from instanceof URL ? node<typeof import('node:url')>('node:url').fileURLToPath(from) : from
}

/** A place for messages: without a query, which may be a signature. */
export function placeText(place: Place): string {
  return place instanceof URL ? `${place.origin}${place.pathname}` : place
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

/** The names of the files in a folder. */
export async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await files().readdir(folder, { withFileTypes: true })
  return entries.filter(entry => !entry.isDirectory()).map(entry => entry.name)
}

export function inFolder(folder: Place, name: string): Place {
  return folder instanceof URL ? urlBeside(folder, name) : paths().join(folder, name)
}

export function beside(file: Place, name: string): Place {
  return file instanceof URL ? urlBeside(file, name) : paths().join(paths().dirname(file), name)
}

/** Writes a small file beside a model; some lie in a folder of their own there. */
export async function writeFile(place: Place, bytes: Uint8Array): Promise<void> {
  if (place instanceof URL)
    throw new UnsupportedError(`[models/files] expected a path to write, got ${placeText(place)}`)
  await files().mkdir(paths().dirname(place), { recursive: true })
  await files().writeFile(place, bytes, { flag: 'wx' })
}

export async function isThere(place: Place, options: SourceOptions = {}): Promise<boolean> {
  return (await whyNotThere(place, options)) === undefined
}

/** Undefined for what is there; else why it is not, in words. */
export async function whyNotThere(place: Place, options: SourceOptions = {}): Promise<string | undefined> {
  if (!(place instanceof URL)) {
    return files()
      .access(place)
      .then(
        () => undefined,
        () => 'no such file',
      )
  }
  try {
    // To ask is not to download.
    const source = await openSource(place, { ...options, cache: undefined })
    await source.close()
  } catch (error) {
    if (error instanceof HttpStatusError) return `status ${error.status}`
    // It is there, and cannot be read in parts: whoever opens it says so.
    if (!(error instanceof UnsupportedError)) throw error
  }
  return undefined
}

/** All bytes of a small file, or undefined where there is none. */
export async function readIfThere(
  place: Place,
  options: SourceOptions = {},
): Promise<Uint8Array | undefined> {
  if (!(place instanceof URL)) return (await isThere(place)) ? files().readFile(place) : undefined
  try {
    return await (options.cache === undefined
      ? readWhole(place, MAX_SMALL_BYTES, options)
      : readCached(place, options))
  } catch (error) {
    if (error instanceof HttpStatusError && error.status === 404) return undefined
    throw error
  }
}

async function readCached(place: URL, options: SourceOptions): Promise<Uint8Array> {
  const source = await openSource(place, options)
  try {
    return await source.read(0, source.byteLength, options.signal)
  } finally {
    await source.close()
  }
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
