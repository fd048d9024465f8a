import { MAX_HEAD_DIM } from '../decoder/bounds.ts'
import type { Branch, DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, bothNorms, decoder, feedForward } from './blocks.ts'
import type { Fields } from './fields.ts'
import { fourNorms, ggufRoles, llamaRoles } from './names.ts'
import { perLayerRoles, sharedKeys } from './per-layer-embeddings.ts'
import { type Defaults, eachLayer, ggufShape, huggingFaceShape, type LayerType, type Shape } from './shape.ts'
import { everyNth, typesOf } from './windows.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-6, kvHeads: 4, headDim: 256, tied: true, activation: 'geluTanh' },
  ...{ theta: 1e6, localTheta: 10000, layerTypes: ['full', 'sliding'] },
}

/** What a file says beside its shape. */
interface Own {
  readonly types: readonly LayerType[]
  readonly window: number
  /** How many of the last layers read the keys of others. */
  readonly shared: number
  readonly softcap: number | undefined
  /** Width of each layer's own embedding, 0 without. */
  readonly perLayer: number
  readonly perLayerVocabulary: number
  headDim(layer: number): number
  innerSize(layer: number): number
}

function config(shape: Shape, own: Own): DecoderConfig {
  const { hiddenSize, tied, activation } = shape
  const keysOf = sharedKeys(own.types, own.shared)
  const layerOf = (layer: number) => {
    const type = own.types[layer]!
    const mixer = attention(shape, {
      ...{ type, headDim: own.headDim(layer), scale: 1, queryKeyNorm: 'head', valueNorm: true },
      ...{ window: type === 'sliding' ? own.window : undefined, keysOf: keysOf(layer) },
    })
    const network = feedForward(shape, { size: own.innerSize(layer) })
    const embedded: Branch[] =
      own.perLayer === 0 ? [] : [{ op: { kind: 'perLayer', activation }, norms: ['after'] }]
    return { branches: [bothNorms(mixer), bothNorms(network), ...embedded], scaled: true }
  }
  return decoder('gemma4', shape, layerOf, {
    embedding: { scale: Math.sqrt(hiddenSize) },
    head: { tied, softcap: own.softcap },
    ...(own.perLayer === 0 ? {} : { perLayer: { size: own.perLayer, vocabSize: own.perLayerVocabulary } }),
  })
}

/** Gemma 4's language model (Gemma Team, 2026): heads of two sizes, keys that layers share, an embedding for each layer. */
export const gemma4: Architecture = {
  name: 'gemma4',
  modelTypes: ['gemma4_text'],
  ggufTypes: ['gemma4'],
  prefixes: ['model.', '', 'model.language_model.', 'language_model.model.'],
  huggingFace,
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const { layers } = shape
    const local = read.count('attention.key_length_swa', undefined, MAX_HEAD_DIM)
    read.only('attention.value_length_swa', local)
    const pattern = read.list('attention.sliding_window_pattern')
    const types =
      pattern?.map((slides): LayerType => (slides === true ? 'sliding' : 'full')) ?? everyNth(layers, 6)
    const sizes = eachLayer(read, 'feed_forward_length', layers)
    return config(shape, {
      types,
      window: read.number('attention.sliding_window'),
      shared: read.number('attention.shared_kv_layers', 0),
      softcap: read.optional('final_logit_softcapping'),
      perLayer: read.number('embedding_length_per_layer_input', 0),
      perLayerVocabulary: tensors.dims('per_layer_token_embd.weight')?.[0] ?? shape.vocabSize,
      headDim: layer => (types[layer] === 'sliding' ? local : shape.headDim),
      innerSize: layer => sizes[layer]!,
    })
  },
  names(_, file, prefix) {
    if (file === 'gguf') {
      const layer = 'blk.{layer}'
      return {
        roles: {
          ...ggufRoles,
          'perLayer.embedding': 'per_layer_token_embd',
          'perLayer.projection': 'per_layer_model_proj',
          'perLayer.norm': 'per_layer_proj_norm',
          'layer.perLayer.gate': `${layer}.inp_gate`,
          'layer.perLayer.output': `${layer}.proj`,
          'layer.perLayer.after': `${layer}.post_norm`,
          scale: `${layer}.layer_output_scale`,
        },
        ignored: [/^rope_freqs\.weight$/, /^blk\.\d+\.attn_(k|v|k_norm)\.weight$/],
      }
    }
    const scale = { tensor: `${prefix}layers.{layer}.layer_scalar` }
    return {
      roles: { ...llamaRoles(prefix), ...fourNorms(prefix), ...perLayerRoles(prefix), scale },
      // Of layers that read the keys of others.
      ignored: [/(^|\.)layers\.\d+\.self_attn\.(k_proj|v_proj|k_norm)\.weight$/],
    }
  },
}

function huggingFace(read: Fields): DecoderConfig {
  // Without it the reference turns full layers in a way of its own.
  if (!read.has('rope_parameters')) throw read.unexpected('rope_parameters', 'an object', undefined)
  const shape = huggingFaceShape(read, defaults)
  for (const key of ['attention_k_eq_v', 'enable_moe_block']) read.only(key, false)
  for (const key of ['num_experts', 'top_k_experts', 'moe_intermediate_size']) read.only(key, null)
  const types = typesOf(shape, everyNth(shape.layers, 6))
  const shared = read.number('num_kv_shared_layers', 0)
  const first = shape.layers - shared
  const isDouble = read.flag('use_double_wide_mlp', false)
  return config(shape, {
    ...{ types, shared },
    window: read.number('sliding_window', 512),
    softcap: read.optional('final_logit_softcapping'),
    perLayer: read.number('hidden_size_per_layer_input', 256),
    perLayerVocabulary: read.number('vocab_size_per_layer_input', shape.vocabSize),
    headDim: headDims(read, shape, types),
    innerSize: layer => (isDouble && layer >= first ? 2 : 1) * shape.innerSize,
  })
}

/** Full layers have heads of another size, which either one key says or one for each of them. */
function headDims(read: Fields, { headDim }: Shape, types: readonly LayerType[]): (layer: number) => number {
  const each = new Map<number, number>()
  const given = read.group('per_layer_config')
  for (const layer of types.keys()) {
    const own = given?.group(String(layer))
    if (own === undefined) continue
    each.set(layer, own.count('head_dim', undefined, MAX_HEAD_DIM))
    own.refuseUnread()
  }
  given?.refuseUnread()
  const global = read.optionalCount('global_head_dim', MAX_HEAD_DIM) ?? (each.size === 0 ? 512 : undefined)
  return layer => each.get(layer) ?? (types[layer] === 'full' ? (global ?? headDim) : headDim)
}
