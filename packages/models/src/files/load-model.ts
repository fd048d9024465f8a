import type { Device } from '@tersor/core-tensor'
import { Decoder } from '../decoder/decoder.ts'
import { requireHead } from '../encoder/check-encoder.ts'
import { loadWeights } from './load-weights.ts'
import type { ModelFile, OpenModelOptions } from './model-file.ts'

export interface LoadModelOptions extends OpenModelOptions {
  /** Where the weights are multiplied; the reference by default. */
  device?: Device | undefined
}

/**
 * Loads a model that predicts tokens from a path or URL, or from a file that {@link openModel} opened. Compressed weights
 * stay compressed, 16-bit ones 16-bit: they are decoded as they are multiplied.
 *
 * @param options.kinds  of encodings, where a path or URL is opened here; an opened file knows its own
 * @throws {UnsupportedError} when the file has no configuration, holds an encoder, was quantized by another program, or has
 *   a weight of a kind that is not among `kinds`
 * @throws {FormatError} when it is malformed, or weights are missing
 */
export async function loadModel(from: string | URL, options?: LoadModelOptions): Promise<Decoder>
export async function loadModel(
  from: ModelFile,
  options?: Omit<LoadModelOptions, 'kinds' | 'fetch'>,
): Promise<Decoder>
export async function loadModel(
  from: string | URL | ModelFile,
  options: LoadModelOptions = {},
): Promise<Decoder> {
  return loadWeights(from, options, {
    check: requireHead,
    build: (config, weights, device) => new Decoder(config, weights, device),
  })
}
