import type { SourceOptions } from '@tersor/formats'
import { describeWeights } from './describe-weights.ts'
import { onnxTensors } from './file-tensors.ts'
import { filesBeside } from './files-beside.ts'
import type { ModelFile } from './model-file.ts'
import { beside, bytesOfFiles, isThere, type Place } from './model-files.ts'
import { orClose } from './or-close.ts'

/** The tensors of an ONNX model under their names there, and what its graph computes; it is not run. */
export async function openOnnxModel(path: Place, options: SourceOptions): Promise<ModelFile> {
  // Only who opens such files loads what reads protocol buffers.
  const { openOnnx } = await import('@tersor/formats/onnx')
  const file = await openOnnx(path, options)
  return orClose(file, async () => {
    const files = [path]
    for (const location of file.locations) {
      const place = beside(path, location)
      if (await isThere(place, options)) files.push(place)
    }
    return {
      ...describeWeights(undefined, undefined, onnxTensors(file)),
      ...{ format: 'onnx', from: path, files, fileBytes: await bytesOfFiles(files, options) },
      ...filesBeside(path, undefined, options),
      graph: file.graph,
      close: () => file.close(),
    }
  })
}
