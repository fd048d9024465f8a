import { type GgufFile, openGguf, type SourceOptions } from '@tersor/formats'
import { configFromGguf } from '../architectures/read-config.ts'
import { ggufTokenizer, holdsTokenizer } from '../tokenizers/gguf-tokenizer.ts'
import { VOCABULARY } from './companions.ts'
import { describeWeights, understood } from './describe-weights.ts'
import { ggufTensors } from './file-tensors.ts'
import { filesBeside } from './files-beside.ts'
import type { ModelFile } from './model-file.ts'
import { bytesOfFiles, type Place } from './model-files.ts'
import { orClose } from './or-close.ts'

/** A GGUF in one or several files: its configuration and mostly its tokenizer are inside. */
export async function openGgufModel(path: Place, options: SourceOptions): Promise<ModelFile> {
  const file = await openGguf(path, options)
  return orClose(file, async () => {
    const { config, refusal } = await understood(() => configFromGguf(file))
    const aside = filesBeside(path, config, options)
    return {
      ...describeWeights(config, refusal, ggufTensors(file)),
      ...{ format: 'gguf' as const, from: path, files: partsOf(file, path) },
      fileBytes: await bytesOfFiles(partsOf(file, path), options),
      async companions() {
        if (!holdsTokenizer(file.metadata)) return aside.companions()
        return new Map([[VOCABULARY, await file.metadataFile()]])
      },
      async openTokenizer() {
        return holdsTokenizer(file.metadata)
          ? ggufTokenizer(file.metadata, file.notUtf8)
          : aside.openTokenizer()
      },
      close: () => file.close(),
    }
  })
}

/** The files of a model that was split into several. */
function partsOf({ parts }: GgufFile, path: Place): readonly Place[] {
  const places = parts.filter((part): part is Place => typeof part === 'string' || part instanceof URL)
  return places.length === parts.length ? places : [path]
}
