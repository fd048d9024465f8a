import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'

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

/** URLs of folders end with a slash. */
export async function isFolder(place: Place): Promise<boolean> {
  return place instanceof URL ? place.pathname.endsWith('/') : (await files().stat(place)).isDirectory()
}

export function inFolder(folder: Place, name: string): Place {
  return folder instanceof URL ? new URL(name, folder) : paths().join(folder, name)
}

export function beside(file: Place, name: string): Place {
  return file instanceof URL ? new URL(name, file) : paths().join(paths().dirname(file), name)
}

export async function isThere(place: Place): Promise<boolean> {
  if (place instanceof URL) return (await fetch(place, { method: 'HEAD' })).ok
  return files()
    .access(place)
    .then(
      () => true,
      () => false,
    )
}

/** All bytes of a small file, or undefined where there is none. */
export async function readIfThere(place: Place): Promise<Uint8Array | undefined> {
  if (!(place instanceof URL)) return (await isThere(place)) ? files().readFile(place) : undefined
  const response = await fetch(place)
  if (response.status === 404) return undefined
  if (!response.ok) {
    throw new FormatError(
      `[models/open-model] expected status 200 from ${place.href}, got ${response.status}`,
    )
  }
  return new Uint8Array(await response.arrayBuffer())
}

export async function readTextIfThere(place: Place): Promise<string | undefined> {
  const bytes = await readIfThere(place)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
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
