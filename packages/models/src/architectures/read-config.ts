import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { GgufFile } from '@tersor/formats'
import { checkConfig } from '../decoder/check-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { Fields, shown } from './fields.ts'
import { isHarmless } from './harmless.ts'
import { huggingFaceKeys } from './hugging-face-keys.ts'
import { architectures } from './index.ts'
import { languageModelIn, wholeModelTypes } from './language-model.ts'
import { ownConfig } from './own-config.ts'
import type { GgufTensors } from './shape.ts'

/** The key under which Tersor keeps a configuration that it has read from another format. */
const OWN = 'tersor'

/**
 * The configuration in a Hugging Face `config.json`, in the dialect of Transformers 4 or 5.
 *
 * @param json  the parsed file
 * @throws {UnsupportedError} for a family that is not known, and for a key that its family does not have
 * @throws {FormatError} when a size is missing or out of range
 * @example
 * const config = configFromHuggingFace({
 *   model_type: 'llama', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8,
 *   vocab_size: 16, max_position_embeddings: 32,
 * })
 * config.architecture // => 'llama'
 * config.head // => { tied: false }
 */
export function configFromHuggingFace(json: unknown): DecoderConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new FormatError('[models/config] expected config.json to hold an object')
  if (OWN in json) return configOfTersor(json[OWN])
  const inside = languageModelIn(json as Readonly<Record<string, unknown>>)
  const where = inside === json ? 'config.json' : 'config.json, text_config'
  const read = new Fields(new Map(Object.entries(inside)), where)
  const type = read.text('model_type')
  const architecture = architectures.find(({ modelTypes }) => modelTypes.includes(type))
  if (architecture === undefined) {
    const known = [...architectures.flatMap(({ modelTypes }) => modelTypes), ...wholeModelTypes]
    throw new UnsupportedError(
      `[models/config] expected a model_type among ${known.join(', ')}, got ${shown(type)}`,
    )
  }
  // Other layouts of weights are told by the file that is opened, with their name.
  read.skip('quantization_config', 'quantization')
  for (const key of ['is_decoder', 'add_cross_attention', 'is_encoder_decoder']) read.only(key, false)
  read.only('use_bidirectional_attention', null, false)
  const config = architecture.huggingFace(read)
  read.refuseUnread(isHarmless)
  return checkConfig(config)
}

/**
 * A configuration as text that {@link configFromHuggingFace} reads: its own JSON under one key, beside the family and, where
 * they say all of it, the keys by which other programs read it.
 *
 * @example
 * const config = configFromHuggingFace({
 *   model_type: 'llama', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8,
 *   vocab_size: 16, max_position_embeddings: 32,
 * })
 * configFromHuggingFace(JSON.parse(configText(config))).hiddenSize // => 8
 */
export function configText(config: DecoderConfig): string {
  const { modelTypes } = architectureOf(config)
  return JSON.stringify({ model_type: modelTypes[0], ...huggingFaceKeys(config), [OWN]: config })
}

/** The family that a configuration was read as. */
export function architectureOf({ architecture }: DecoderConfig): Architecture {
  const found = architectures.find(({ name }) => name === architecture)
  if (found !== undefined) return found
  throw new UnsupportedError(
    `[models/config] expected an architecture among ${architectures.map(({ name }) => name).join(', ')}, got '${architecture}'`,
  )
}

/** Small tensors of a GGUF that its configuration is read from. */
export const CONFIG_TENSORS = ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight']

/**
 * The configuration in the metadata of a GGUF file.
 *
 * @throws {UnsupportedError} for an architecture that is not known, and for a key that it does not have
 * @throws {FormatError} when a key is missing
 */
export async function configFromGguf(file: GgufFile): Promise<DecoderConfig> {
  const { metadata, tensors } = file
  const type = metadata.get('general.architecture')
  const architecture = architectures.find(({ ggufTypes }) => ggufTypes.some(known => known === type))
  if (architecture?.gguf === undefined) {
    const known = [...new Set(architectures.flatMap(({ ggufTypes }) => ggufTypes))]
    throw new UnsupportedError(
      `[models/gguf] expected an architecture among ${known.join(', ')}, got ${shown(type)}`,
    )
  }
  const prefix = `${String(type)}.`
  const own = [...metadata].filter(([key]) => key.startsWith(prefix))
  const read = new Fields(
    new Map(own.map(([key, value]) => [key.slice(prefix.length), value])),
    'the metadata',
  )
  const numbers = await smallTensors(file)
  const described: GgufTensors = {
    dims: name => tensors.get(name)?.dims,
    numbers: name => numbers.get(name),
  }
  const config = architecture.gguf(read, described)
  read.refuseUnread()
  return checkConfig(config)
}

/** More divisors than half a head has. */
const MAX_DIVISORS = 1 << 12

async function smallTensors(file: GgufFile): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, readonly number[]>()
  for (const name of CONFIG_TENSORS) {
    const info = file.tensors.get(name)
    if (info === undefined) continue
    if (info.dims.length !== 1 || info.dims[0]! > MAX_DIVISORS || info.type !== 'float32') {
      throw new FormatError(
        `[models/gguf] expected '${name}' to be at most ${MAX_DIVISORS} float32 numbers, got ${info.ggmlType} [${info.dims}]`,
      )
    }
    found.set(name, Array.from((await file.read(name)).data as Float32Array))
  }
  return found
}

/** What {@link configText} wrote. */
function configOfTersor(own: unknown): DecoderConfig {
  const config = ownConfig(new Fields(new Map([[OWN, own]]), 'config.json').requiredGroup(OWN))
  architectureOf(config)
  return checkConfig(config)
}
