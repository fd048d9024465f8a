import { checkEncoder } from '../encoder/check-encoder.ts'
import { Encoder } from '../encoder/encoder.ts'
import type { LoadModelOptions } from './load-model.ts'
import { loadWeights } from './load-weights.ts'
import type { ModelFile } from './model-file.ts'

/**
 * Loads an encoder from a path or URL, or from a file that {@link openModel} opened, as {@link loadModel} loads models that
 * predict tokens. How it pools is read from the files of sentence-transformers beside it.
 *
 * @param options.kinds  of encodings, where a path or URL is opened here; an opened file knows its own
 * @throws {UnsupportedError} when the file has no configuration, holds a model that predicts tokens, was quantized by
 *   another program, or has a weight of a kind that is not among `kinds`
 * @throws {FormatError} when it is malformed, or weights are missing
 */
export async function loadEncoder(from: string | URL, options?: LoadModelOptions): Promise<Encoder>
export async function loadEncoder(
  from: ModelFile,
  options?: Omit<LoadModelOptions, 'kinds' | 'fetch'>,
): Promise<Encoder>
export async function loadEncoder(
  from: string | URL | ModelFile,
  options: LoadModelOptions = {},
): Promise<Encoder> {
  return loadWeights(from, options, {
    check: checkEncoder,
    build: (config, weights, device) => new Encoder(config, weights, device),
  })
}
