import { fileURLToPath } from 'node:url'
import { tinyLm, tinyLmMini, tinyLmMoe } from '@tersor/tiny-lm'

/** The name of the bundled model, wherever a command takes a path. */
export const BUNDLED = 'tiny-lm'

const bundled: Readonly<Record<string, URL>> = {
  [BUNDLED]: tinyLm,
  'tiny-lm-mini': tinyLmMini,
  'tiny-lm-moe': tinyLmMoe,
}

/** Whether a name is that of a bundled model: what it was trained on is known. */
export function isBundled(given: string): boolean {
  return Object.hasOwn(bundled, given)
}

/** Where a model lies: what was given, the path of a `file:` URL, or the folder of a bundled one. */
export function modelPath(given: string): string {
  if (isBundled(given)) return fileURLToPath(bundled[given]!)
  return given.startsWith('file:') ? fileURLToPath(given) : given
}
