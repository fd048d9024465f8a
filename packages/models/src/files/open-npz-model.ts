import { openNpz, type SourceOptions } from '@tersor/formats'
import { describeWeights } from './describe-weights.ts'
import { npzTensors } from './file-tensors.ts'
import { filesBeside } from './files-beside.ts'
import type { ModelFile } from './model-file.ts'
import { bytesOfFiles, type Place } from './model-files.ts'
import { orClose } from './or-close.ts'

/** The arrays of a NumPy archive under their names; no configuration goes with them. */
export async function openNpzModel(path: Place, options: SourceOptions): Promise<ModelFile> {
  const file = await openNpz(path, options)
  return orClose(file, async () => ({
    ...describeWeights(undefined, undefined, npzTensors(file)),
    ...{ format: 'npz', from: path, files: [path], fileBytes: await bytesOfFiles([path], options) },
    ...filesBeside(path, undefined, options),
    close: () => file.close(),
  }))
}
