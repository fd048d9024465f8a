import { fileURLToPath } from 'node:url'
import { tinyLm } from '@tersor/tiny-lm'

/** The name of the bundled model, wherever a command takes a path. */
export const BUNDLED = 'tiny-lm'

/** Where a model lies: what was given, or the folder of the bundled one. */
export function modelPath(given: string): string {
  return given === BUNDLED ? fileURLToPath(tinyLm) : given
}
