import type { SourceOptions } from '@tersor/formats'
import { tokenizerBeside } from '../tokenizers/open-tokenizer.ts'
import { companionsBeside } from './companions.ts'
import { onnxTensors } from './file-tensors.ts'
import { beside, bytesOfFiles, isThere, type Place } from './model-files.ts'
import type { ModelFile } from './open-model.ts'

/** The tensors of an ONNX model under their names there, and what its graph computes; it is not run. */
export async function openOnnxModel(path: Place, options: SourceOptions): Promise<ModelFile> {
  // Only who opens such files loads what reads protocol buffers.
  const { openOnnx } = await import('@tersor/formats/onnx')
  const file = await openOnnx(path, options)
  try {
    const { names, info, load, readsRows } = onnxTensors(file)
    const files = [path]
    for (const location of file.locations) {
      const place = beside(path, location)
      if (await isThere(place, options)) files.push(place)
    }
    return {
      ...{ config: undefined, configText: undefined, shapes: undefined, graph: file.graph },
      ...{ format: 'onnx', from: path, files, fileBytes: await bytesOfFiles(files, options) },
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
