import { openLlama2c, type SourceOptions } from '@tersor/formats'
import { llama2cConfig, llama2cNames } from '../architectures/llama.ts'
import { configText } from '../architectures/read-config.ts'
import { describeRoles } from './describe-weights.ts'
import { llama2cTensors } from './file-tensors.ts'
import { filesBeside } from './files-beside.ts'
import type { ModelFile } from './model-file.ts'
import { bytesOfFiles, type Place } from './model-files.ts'
import { ModelRoles } from './model-roles.ts'
import { orClose } from './or-close.ts'
import { writtenNames } from './stored-name.ts'

/** A `.bin` of llama2.c, with its configuration inside and its tokenizer beside it. */
export async function openLlama2cModel(path: Place, options: SourceOptions): Promise<ModelFile> {
  const file = await openLlama2c(path, options)
  return orClose(file, async () => {
    const config = llama2cConfig(file.config)
    const roles = new ModelRoles(config, llama2cTensors(file), {
      names: llama2cNames(config),
      written: writtenNames(config),
    })
    return {
      ...describeRoles(config, roles, configText(config)),
      ...{ format: 'llama2c' as const, from: path, files: [path] },
      fileBytes: await bytesOfFiles([path], options),
      ...filesBeside(path, config, options),
      close: () => file.close(),
    }
  })
}
