import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { ModelFile } from './model-file.ts'

/** How many names an error says. */
const NAMED = 3

/**
 * Throws unless a file holds a model that is understood as a whole: its configuration, all of its weights, and nothing
 * beside them that may change what it computes. It is what `loadModel` asks before it reads the first weight, and whoever
 * rewrites a model has to ask too. `openModel` opens all others too, so that they can be looked into.
 *
 * @throws {UnsupportedError} when another program quantized it in a way that is not known, or it has tensors that its family does not
 * @throws {FormatError} when weights that the configuration asks for are missing, naming the first of them
 * @throws {TersorError} why its configuration is not understood
 * @example
 * checkModel({ missing: [], unclaimed: [] }) // => undefined
 * checkModel({ missing: ['layers.3.attention.key'], unclaimed: [] }) // => throws FormatError: [models/check-model] expected every weight
 */
export function checkModel({
  missing,
  unclaimed,
  unread,
  refusal,
}: Pick<ModelFile, 'missing' | 'unclaimed' | 'unread' | 'refusal'>): void {
  if (unread !== undefined) throw unread
  if (refusal !== undefined) throw refusal
  if (missing.length > 0) {
    throw new FormatError(
      `[models/check-model] expected every weight that the configuration asks for, got none called ${listed(missing)}; ` +
        'the files or their index are incomplete, or belong to another configuration',
    )
  }
  if (unclaimed.length > 0) {
    throw new UnsupportedError(
      `[models/check-model] expected tensors that this family has, got ${listed(unclaimed)}, which may change what the model computes`,
    )
  }
}

function listed(names: readonly string[]): string {
  const named = names.slice(0, NAMED).map(name => `'${name}'`)
  return `${named.join(', ')}${names.length > NAMED ? ` and ${names.length - NAMED} more` : ''}`
}
