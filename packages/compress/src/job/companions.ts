import { FileError } from '@tersor/core-tensor'
import { files, paths, readIfThere, writeWhole } from './files.ts'
import { manifestIn } from './manifest.ts'
import type { Target } from './target.ts'

type Companions = ReadonlyMap<string, Uint8Array>

/**
 * The files that go beside a target and are not there yet. One that is there with the same bytes is left alone.
 *
 * @throws {FileError} for one that is there with other bytes, unless `force`
 */
export async function missingCompanions(
  target: Target,
  companions: Companions,
  force: boolean,
): Promise<Companions> {
  const missing = new Map<string, Uint8Array>()
  for (const [name, bytes] of companions) {
    const path = beside(target, name)
    const there = await readIfThere(path)
    if (there !== undefined && isSame(there, bytes)) continue
    if (there !== undefined && !force) {
      throw new FileError(
        `[compress/target] expected ${path} to be what belongs to the model, got another file of that name; choose another folder, or pass force: true to replace it`,
      )
    }
    missing.set(name, bytes)
  }
  return missing
}

/** Puts files beside a target. */
export async function writeCompanions(target: Target, companions: Companions, force: boolean): Promise<void> {
  for (const [name, bytes] of await missingCompanions(target, companions, force)) {
    const path = beside(target, name)
    // Some lie in folders of their own, as 1_Pooling/config.json does.
    await files().mkdir(paths().dirname(path), { recursive: true })
    await writeWhole(path, [bytes], target.folder)
  }
}

/**
 * Throws where the manifest would replace a file that is none.
 *
 * @throws {FileError} unless `force`
 */
export async function requireManifestPlace({ manifest }: Target, force: boolean): Promise<void> {
  const there = await readIfThere(manifest)
  if (there === undefined || force || manifestIn(new TextDecoder().decode(there)) !== undefined) return
  throw new FileError(
    `[compress/target] expected a manifest or nothing at ${manifest}, got another file; choose another name, or pass force: true to replace it`,
  )
}

function beside({ path }: Target, name: string): string {
  return paths().join(paths().dirname(path), name)
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
