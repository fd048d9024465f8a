import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { ModelFile } from './open-model.ts'
import { weightShapes } from './weight-names.ts'

/** How many missing weights an error names. */
const NAMED = 3

/**
 * Throws unless the weights of a file are all there and are what they are called: what `loadModel` asks before it reads
 * the first one, and whoever rewrites a model has to ask too. `openModel` opens either, so that it can be looked into.
 *
 * @throws {UnsupportedError} when another program quantized it, in GPTQ's layout, in FP8 with scales beside, and the like
 * @throws {FormatError} when weights that the configuration asks for are missing, naming the first of them
 * @example
 * const config = configFromHuggingFace({
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * const names = [...weightShapes(config).keys()]
 * checkModel({ config, names }) // => undefined
 * checkModel({ config, names: names.slice(0, -1) }) // => throws FormatError: [models/check-model] expected every weight
 */
export function checkModel({
  config,
  names,
  quantizedBy,
}: Pick<ModelFile, 'config' | 'names' | 'quantizedBy'>): void {
  if (quantizedBy !== undefined) {
    throw new UnsupportedError(
      `[models/check-model] expected weights as they were trained, got a checkpoint that is quantized already (${quantizedBy}), ` +
        'whose scales are not read; start from the original model',
    )
  }
  if (config === undefined) return
  const there = new Set(names)
  const missing = [...weightShapes(config).keys()].filter(name => !there.has(name))
  if (missing.length === 0) return
  const named = missing.slice(0, NAMED).map(name => `'${name}'`)
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : ''
  throw new FormatError(
    `[models/check-model] expected every weight that the configuration asks for, got none called ${named.join(', ')}${more}; ` +
      'the files or their index are incomplete, or belong to another configuration',
  )
}
