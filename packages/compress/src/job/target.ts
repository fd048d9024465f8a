import { FileError, UnsupportedError } from '@tersor/core-tensor'
import { files, isNothing, pathOf, paths, refused } from './files.ts'

/** Where a job writes. */
export interface Target {
  /** The model. */
  readonly path: string
  /** What has been done so far, while the job runs. */
  readonly folder: string
  /** What the model was made with. */
  readonly manifest: string
}

const EXTENSION = '.safetensors'

/** What is opened when a folder is given. */
const IN_FOLDER = ['model.safetensors', 'model.safetensors.index.json']

/**
 * Where a job writes for a target.
 *
 * @throws {UnsupportedError} for a kind of file that has no writer
 */
export function targetOf(target: string | URL): Target {
  const path = paths().resolve(pathOf(target))
  const extension = paths().extname(path)
  if (extension !== EXTENSION) {
    throw new UnsupportedError(
      `[compress/target] expected a ${EXTENSION} file to write, got ${extension === '' ? 'one without an extension' : extension}: ${pathOf(target)}`,
    )
  }
  return {
    path,
    folder: `${path}.job`,
    manifest: `${path.slice(0, -EXTENSION.length)}.manifest.json`,
  }
}

/**
 * Throws where writing a target would lose something: what is read from, or a file that is there.
 *
 * @param source.from  what was opened, possibly a folder
 * @param source.files  all files of the source
 * @throws {FileError} saying what is in the way
 */
export async function requireSafe(
  { path }: Target,
  source: { readonly from: string | URL; readonly files: readonly (string | URL)[] },
  force: boolean,
): Promise<void> {
  const there = await identityOf(path)
  for (const file of [source.from, ...source.files]) {
    if (isRemote(file)) continue
    const input = await identityOf(pathOf(file))
    if (there !== undefined && input?.id === there.id) {
      throw new FileError(
        `[compress/target] expected another file than the input, got ${path}, which is ${pathOf(file)}; the only original would be lost`,
      )
    }
  }
  await requireOutside(path, source)
  if (there === undefined) return
  if (there.folder) throw new FileError(`[compress/target] expected a file to write, got the folder ${path}`)
  if (!force)
    throw new FileError(
      `[compress/target] expected a file that is not there yet, got ${path}; pass force: true to replace it`,
    )
}

/** In the folder of a model, a file may be what the next one opens instead of the original. */
async function requireOutside(
  path: string,
  { from, files: inputs }: { readonly from: string | URL; readonly files: readonly (string | URL)[] },
): Promise<void> {
  const folder = await realPath(paths().dirname(path))
  const given = isRemote(from) ? undefined : await realPath(pathOf(from))
  const isInside = given !== undefined && (folder === given || folder.startsWith(given + paths().sep))
  if (isInside && (await identityOf(given))?.folder === true) {
    throw new FileError(
      `[compress/target] expected a place outside of the input, got ${path} in the folder ${given}; choose another folder`,
    )
  }
  if (!IN_FOLDER.includes(paths().basename(path))) return
  for (const file of inputs) {
    if (!isRemote(file) && (await realPath(paths().dirname(pathOf(file)))) === folder) {
      throw new FileError(
        `[compress/target] expected another name or folder, got ${path}, which would be opened in the place of the input beside it`,
      )
    }
  }
}

/**
 * The bytes that are free where a target goes, or undefined where the system does not say.
 *
 * @throws {FileError} when nothing can be written there
 */
export async function freeBytes({ path }: Target): Promise<number | undefined> {
  const folder = await nearestFolder(paths().dirname(path))
  try {
    await files().access(folder, files().constants.W_OK)
  } catch (error) {
    throw refused(path, error)
  }
  try {
    const { bavail, bsize } = await files().statfs(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

/** Throws unless there is room for what a job writes. */
export function requireRoom({ path }: Target, needed: number, free: number | undefined): void {
  if (free === undefined || needed <= free) return
  throw new FileError(
    `[compress/target] expected ${needed} free bytes for ${path} and what is written on the way, got ${free}; free some, or choose another disk`,
  )
}

/** The folder itself, or the nearest above it that exists. */
async function nearestFolder(folder: string): Promise<string> {
  for (let at = folder; ; at = paths().dirname(at)) {
    const found = await identityOf(at)
    if (found?.folder === true) return at
    if (found !== undefined) throw refused(folder, { code: `the file ${at} where a folder has to be` })
  }
}

/** A file by what it is rather than by its name, links followed; undefined where there is none. */
async function identityOf(path: string): Promise<{ id: string; folder: boolean } | undefined> {
  try {
    const found = await files().stat(path, { bigint: true })
    return { id: `${found.dev}:${found.ino}`, folder: found.isDirectory() }
  } catch (error) {
    if (isNothing(error)) return undefined
    throw refused(path, error)
  }
}

/** With all links followed, as far as it exists. */
async function realPath(path: string): Promise<string> {
  const whole = paths().resolve(path)
  try {
    return await files().realpath(whole)
  } catch {
    const above = paths().dirname(whole)
    return above === whole ? whole : paths().join(await realPath(above), paths().basename(whole))
  }
}

function isRemote(place: string | URL): boolean {
  return place instanceof URL && place.protocol !== 'file:'
}
