import { type Device, type Encoded, reference, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import { Llama } from './llama.ts'
import { type ModelFile, type OpenModelOptions, openModel } from './open-model.ts'
import { residentWeight } from './resident-weight.ts'
import { weightShapes } from './weight-names.ts'

export interface LoadModelOptions extends OpenModelOptions {
  /** Where the weights are multiplied; the reference by default. */
  device?: Device | undefined
}

/**
 * Loads a Llama model from a path or URL, or from a file that {@link openModel} opened. Compressed weights
 * stay compressed, 16-bit ones 16-bit: they are decoded as they are multiplied.
 *
 * @param options.kinds  of encodings, where a path or URL is opened here; an opened file knows its own
 * @throws {UnsupportedError} when the file has no configuration, or a weight of a kind that is not among `kinds`
 * @throws {FormatError} when it is malformed
 */
export async function loadModel(from: string | URL, options?: LoadModelOptions): Promise<Llama>
export async function loadModel(from: ModelFile, options?: Omit<LoadModelOptions, 'kinds'>): Promise<Llama>
export async function loadModel(
  from: string | URL | ModelFile,
  { device = reference, kinds }: LoadModelOptions = {},
): Promise<Llama> {
  const opened = typeof from === 'string' || from instanceof URL
  const file = opened ? await openModel(from, { kinds }) : from
  try {
    if (file.config === undefined) {
      throw new UnsupportedError(
        '[models/load-model] expected a config.json beside the weights, or a configuration inside, got neither',
      )
    }
    const weights = new Map<string, Tensor | Encoded>()
    for (const name of weightShapes(file.config).keys())
      weights.set(name, await residentWeight(await file.load(name), device))
    return new Llama(file.config, weights, device)
  } finally {
    if (opened) await file.close()
  }
}
