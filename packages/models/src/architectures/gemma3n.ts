import type { Branch, DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward } from './blocks.ts'
import { fourNorms, llamaRoles } from './names.ts'
import { perLayerRoles, sharedKeys } from './per-layer-embeddings.ts'
import { type Defaults, huggingFaceShape } from './shape.ts'
import { everyNth, typesOf } from './windows.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-6, kvHeads: 2, headDim: 256, tied: true, activation: 'geluTanh' },
  ...{ theta: 1e6, localTheta: 10000, layerTypes: ['full', 'sliding'] },
}

/**
 * Gemma 3n's language model (Google, 2025): several hidden states side by side, a low-rank branch beside attention, gates
 * of which most close, keys that layers share, and an embedding for each layer.
 */
export const gemma3n: Architecture = {
  name: 'gemma3n',
  modelTypes: ['gemma3n_text'],
  ggufTypes: [],
  prefixes: ['model.', '', 'model.language_model.', 'language_model.model.'],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    const { layers, hiddenSize, tied, activation } = shape
    const types = typesOf(shape, everyNth(layers, 5))
    const window = read.number('sliding_window', 512)
    const keysOf = sharedKeys(types, read.number('num_kv_shared_layers', 15))
    const sparsity = read.numbers('activation_sparsity_pattern', layers)
    const sizes = Array.isArray(read.value('intermediate_size'))
      ? read.numbers('intermediate_size', layers)
      : undefined
    read.only('altup_active_idx', 0)
    read.only('altup_correct_scale', true)
    const rank = read.number('laurel_rank', 64)
    const layerOf = (layer: number): DecoderConfig['layers'][number] => {
      const type = types[layer]!
      const mixer = attention(shape, {
        ...{ type, scale: 1, queryKeyNorm: 'head', valueNorm: true, keysOf: keysOf(layer) },
        window: type === 'sliding' ? window : undefined,
      })
      const network = feedForward(shape, {
        size: sizes?.[layer] ?? shape.innerSize,
        sparsity: sparsity?.[layer] ?? 0,
      })
      const lowRank: Branch = {
        op: { kind: 'lowRank', rank },
        norms: [],
        reads: 'normed',
        sumScale: Math.SQRT1_2,
      }
      return {
        branches: [
          { op: mixer, norms: ['before', 'after'] },
          lowRank,
          { op: network, norms: ['before', 'after'] },
          { op: { kind: 'perLayer', activation }, norms: ['after'] },
        ],
      }
    }
    const vocabSize = read.number('vocab_size_per_layer_input', 262144)
    return decoder('gemma3n', shape, layerOf, {
      embedding: { scale: Math.sqrt(hiddenSize) },
      head: {
        tied,
        softcap: read.has('final_logit_softcapping') ? read.optional('final_logit_softcapping') : 30,
      },
      perLayer: { size: read.number('hidden_size_per_layer_input', 256), vocabSize },
      streams: { count: read.number('altup_num_inputs', 4) },
    })
  },
  names(_, __, prefix) {
    const layer = `${prefix}layers.{layer}`
    return {
      roles: {
        ...llamaRoles(prefix),
        ...fourNorms(prefix),
        ...perLayerRoles(prefix),
        'streams.spread': { tensor: `${prefix}altup_projections.{stream}.weight` },
        'streams.gather': { tensor: `${prefix}altup_unembed_projections.{stream}.weight` },
        'layer.streams.norm': `${layer}.altup.router_norm`,
        'layer.streams.router': `${layer}.altup.modality_router`,
        'layer.streams.predict': `${layer}.altup.prediction_coefs`,
        'layer.streams.correct': `${layer}.altup.correction_coefs`,
        'layer.streams.scale': { tensor: `${layer}.altup.correct_output_scale` },
        'lowRank.left': `${layer}.laurel.linear_left`,
        'lowRank.right': `${layer}.laurel.linear_right`,
        'lowRank.norm': `${layer}.laurel.post_laurel_norm`,
      },
      // Of layers that read the keys of others.
      ignored: [/(^|\.)layers\.\d+\.self_attn\.(k_proj|v_proj|k_norm)\.weight$/],
    }
  },
}
