import { openNpz, type SourceOptions } from '@tersor/formats'
import { tokenizerBeside } from '../tokenizers/open-tokenizer.ts'
import { companionsBeside } from './companions.ts'
import { npzTensors } from './file-tensors.ts'
import { bytesOfFiles, type Place } from './model-files.ts'
import type { ModelFile } from './open-model.ts'

/** The arrays of a NumPy archive under their names; no configuration goes with them. */
export async function openNpzModel(path: Place, options: SourceOptions): Promise<ModelFile> {
  const file = await openNpz(path, options)
  try {
    const { names, info, load, readsRows } = npzTensors(file)
    return {
      ...{ config: undefined, configText: undefined, shapes: undefined },
      ...{ format: 'npz', from: path, files: [path], fileBytes: await bytesOfFiles([path], options) },
      ...{ names, missing: [], unclaimed: [], elsewhere: [] },
      ...{ info, load: (name, { rows } = {}) => load(name, rows), readsRows, storedName: name => name },
      companions: () => companionsBeside(path, undefined, options),
      openTokenizer: () => tokenizerBeside(path, undefined, options),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}
