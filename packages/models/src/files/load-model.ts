import { type Device, type Encoded, reference, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import { tensorsOf } from '@tersor/core-tensor/host'
import { Decoder } from '../decoder/decoder.ts'
import { residentWeight } from '../decoder/resident-weight.ts'
import { checkModel } from './check-model.ts'
import { type ModelFile, type OpenModelOptions, openModel } from './open-model.ts'

export interface LoadModelOptions extends OpenModelOptions {
  /** Where the weights are multiplied; the reference by default. */
  device?: Device | undefined
}

/**
 * Loads a Llama model from a path or URL, or from a file that {@link openModel} opened. Compressed weights
 * stay compressed, 16-bit ones 16-bit: they are decoded as they are multiplied.
 *
 * @param options.kinds  of encodings, where a path or URL is opened here; an opened file knows its own
 * @throws {UnsupportedError} when the file has no configuration, was quantized by another program, or has a weight of a
 *   kind that is not among `kinds`
 * @throws {FormatError} when it is malformed, or weights are missing
 */
export async function loadModel(from: string | URL, options?: LoadModelOptions): Promise<Decoder>
export async function loadModel(
  from: ModelFile,
  options?: Omit<LoadModelOptions, 'kinds' | 'fetch'>,
): Promise<Decoder>
export async function loadModel(
  from: string | URL | ModelFile,
  { device = reference, ...opening }: LoadModelOptions = {},
): Promise<Decoder> {
  const opened = typeof from === 'string' || from instanceof URL
  const file = opened ? await openModel(from, opening) : from
  const weights = new Map<string, Tensor | Encoded>()
  const made = new Set<Tensor['memory']>()
  try {
    checkModel(file)
    if (file.config === undefined) {
      throw new UnsupportedError(
        '[models/load-model] expected a config.json beside the weights, or a configuration inside, got neither',
      )
    }
    for (const name of file.names) {
      opening.signal?.throwIfAborted()
      const stored = await file.load(name)
      const resident = await residentWeight(stored, device)
      weights.set(name, resident)
      for (const { memory } of tensorsOf(resident)) made.add(memory)
      for (const { memory } of tensorsOf(stored)) made.delete(memory)
    }
    return new Decoder(file.config, weights, device)
  } catch (error) {
    for (const memory of made) memory.free()
    throw error
  } finally {
    if (opened) await file.close()
  }
}
