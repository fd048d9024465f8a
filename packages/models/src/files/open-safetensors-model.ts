import { coreKinds, FormatError } from '@tersor/core-tensor'
import {
  openSafetensors,
  openSafetensorsIndex,
  type SafetensorsFile,
  type SourceOptions,
} from '@tersor/formats'
import { languageModelIn } from '../architectures/language-model.ts'
import { configFromHuggingFace } from '../architectures/read-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { isEncoder } from '../encoder/check-encoder.ts'
import { describeWeights, understood } from './describe-weights.ts'
import { quantizedTensors, safetensorsTensors } from './file-tensors.ts'
import { filesBeside } from './files-beside.ts'
import { loraAdapter } from './lora-adapter.ts'
import type { ModelFile, OpenModelOptions } from './model-file.ts'
import { beside, bytesOfFiles, type Place, placeText, readTextIfThere } from './model-files.ts'
import { namesIn } from './model-roles.ts'
import { orClose } from './or-close.ts'
import { poolingBeside } from './pooling-beside.ts'
import { quantizationOf, tensorShapes } from './quantization.ts'

/** A model in one file of safetensors, with its configuration inside or beside it. */
export async function openSafetensorsModel(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  return fromSafetensors(await openSafetensors(path, options), path, [path], options)
}

/** A model in several files, by their index. */
export async function openShardedModel(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  const file = await openSafetensorsIndex(path, options)
  return orClose(file, async () => {
    const { weight_map: map } = JSON.parse((await readTextIfThere(path, options))!) as {
      weight_map: Record<string, string>
    }
    const places = Object.values(map).map(shard => beside(path, shard))
    const shards = [...new Map(places.map(place => [String(place), place])).values()]
    return { ...(await fromSafetensors(file, path, shards, options)), files: [...shards, path] }
  })
}

async function fromSafetensors(
  file: SafetensorsFile,
  path: Place,
  files: readonly Place[],
  options: OpenModelOptions,
): Promise<ModelFile> {
  const { kinds = coreKinds } = options
  return orClose(file, async () => {
    const written = file.metadata.get('config')
    const text = written ?? (await readTextIfThere(beside(path, 'config.json'), options))
    const json = text === undefined ? undefined : parseConfig(text, path)
    const plain = safetensorsTensors(file, kinds)
    const adapter = loraAdapter(plain.names)
    const { config, refusal } =
      json === undefined || adapter !== undefined
        ? { refusal: adapter }
        : await understood(() => configBeside(json, path, options))
    const shapes =
      config === undefined ? new Map() : tensorShapes(config, namesIn(config, 'huggingFace', plain))
    const { by, weights, unread } = await quantizationOf(file, json, {
      names: plain.names,
      shapes,
      path,
      options,
    })
    const tensors = weights === undefined ? plain : quantizedTensors(plain, weights)
    const inside =
      config === undefined ? undefined : languageModelIn(json as Readonly<Record<string, unknown>>)
    const described = describeWeights(config, refusal, tensors, { text, json: inside })
    return {
      ...described,
      ...{ format: 'safetensors' as const, from: path, files },
      ...{ quantizedBy: by, unread },
      fileBytes: await bytesOfFiles(files, options),
      ...filesBeside(path, config, options),
      close: () => file.close(),
    }
  })
}

/** The configuration in a config.json, and how an encoder pools, which stands in files beside it. */
async function configBeside(json: unknown, path: Place, options: SourceOptions): Promise<DecoderConfig> {
  const config = configFromHuggingFace(json)
  const pooling = isEncoder(config) ? await poolingBeside(path, options) : undefined
  return pooling === undefined ? config : { ...config, pooling }
}

function parseConfig(text: string, path: Place): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FormatError(`[models/open-model] expected JSON in the configuration of ${placeText(path)}`)
  }
}
