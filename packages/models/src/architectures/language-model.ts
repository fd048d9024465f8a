import { Fields } from './fields.ts'
import { isHarmless } from './harmless.ts'

type Json = Readonly<Record<string, unknown>>

/** What a model that sees or hears says of its language model. */
interface Inside {
  /** Where `text_config` does not say it. */
  readonly modelType: string
  /** Sizes that published files leave to the reference. */
  readonly sizes?: Json | undefined
}

/** By `model_type` of models whose config.json holds that of a language model. */
const INSIDE = new Map<string, Inside>([
  [
    'gemma3',
    {
      modelType: 'gemma3_text',
      sizes: { vocab_size: 262208, num_attention_heads: 8, max_position_embeddings: 131072 },
    },
  ],
  ['gemma3n', { modelType: 'gemma3n_text' }],
  ['gemma4', { modelType: 'gemma4_text' }],
  ['qwen3_5', { modelType: 'qwen3_5_text' }],
  ['mistral3', { modelType: 'mistral' }],
])

/** `model_type` of models of which the language model is read. */
export const wholeModelTypes: readonly string[] = /* @__PURE__ */ [...INSIDE.keys()]

/** Keys about images and sounds, and how they become tokens. */
const OTHER = /^(vision|audio|image|video|boi|eoi|boa|eoa|mm|projector|multimodal|spatial_merge)_/

/** Tensors of what sees and hears, of what leads from there to the language model, and of tokens guessed ahead. */
const OTHER_TENSORS =
  /^(model\.)?(vision_tower|vision_model|vision_embed_tokens|visual|audio_tower|multi_modal_projector|embed_vision|embed_audio)\.|^mtp\./

/**
 * Whether a tensor is no part of a language model: of a vision tower, an audio tower, or a projector behind one.
 *
 * @param tensor  its name in Hugging Face's files
 */
export function isElsewhere(tensor: string): boolean {
  return OTHER_TENSORS.test(tensor)
}

/**
 * The configuration of the language model in a config.json: `text_config` of models that see or hear too, else the whole.
 *
 * @throws {FormatError} when there is no `text_config` where one has to be
 * @throws {UnsupportedError} for a key beside it that may change what the language model computes
 */
export function languageModelIn(json: Json): Json {
  const inside = typeof json.model_type === 'string' ? INSIDE.get(json.model_type) : undefined
  if (inside === undefined) return json
  const read = new Fields(new Map(Object.entries(json)), 'config.json')
  read.requiredGroup('text_config')
  read.skip('model_type', 'quantization_config', 'quantization')
  const tied = read.optionalFlag('tie_word_embeddings')
  read.refuseUnread(key => isHarmless(key) || OTHER.test(key))
  return {
    ...{ model_type: inside.modelType, ...inside.sizes },
    ...(json.text_config as Json),
    // The head belongs to the whole.
    ...(tied === undefined ? {} : { tie_word_embeddings: tied }),
  }
}
