import { FormatError } from '@tersor/core-tensor'

/** For files that others name: that there is none is a fault of the model, not of the file system. */
export function missingBeside(where: string, what: string) {
  return (error: unknown): never => {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    throw new FormatError(`[${where}] expected ${what}, got no such file`)
  }
}
