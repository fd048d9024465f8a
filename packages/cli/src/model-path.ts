import { fileURLToPath } from 'node:url'
import { tinyLm, tinyLmMini, tinyLmMoe } from '@tersor/tiny-lm'

/** The name of the bundled model, wherever a command takes a path. */
export const BUNDLED = 'tiny-lm'

const bundled: Readonly<Record<string, URL>> = {
  [BUNDLED]: tinyLm,
  'tiny-lm-mini': tinyLmMini,
  'tiny-lm-moe': tinyLmMoe,
}

/** Where a model lies: what was given, or the folder of a bundled one. */
export function modelPath(given: string): string {
  const folder = bundled[given]
  return folder === undefined ? given : fileURLToPath(folder)
}
