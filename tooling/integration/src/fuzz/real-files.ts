import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Larger real files make a run slow, and hold nothing that smaller ones lack. */
export const MAX_SEED_BYTES = 2 ** 16

export const shared = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url))
/** Small real files under a folder of ../shared/data, two levels deep, whose names end so. */
export function real(folder: string, ending: string): Uint8Array[] {
  const root = join(shared, folder)
  if (!existsSync(root)) return []
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending) && name.split('/').length <= 3)
    .map(name => join(root, name))
    .filter(path => statSync(path).size < MAX_SEED_BYTES)
    .sort()
    .map(path => new Uint8Array(readFileSync(path)))
}
