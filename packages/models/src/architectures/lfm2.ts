import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import type { Fields } from './fields.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type LayerType, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, kvHeads: 8, tied: true, activation: 'silu', theta: 1e6 },
  layerTypes: ['full', 'convolution'],
}

function config(shape: Shape, types: readonly LayerType[], kernel: number): DecoderConfig {
  const convolution = { kind: 'convolution' as const, channels: shape.hiddenSize, kernel }
  return decoder('lfm2', shape, layer => {
    const mixer = types[layer] === 'convolution' ? convolution : attention(shape, { queryKeyNorm: 'head' })
    return { branches: [preNorm(mixer), preNorm(feedForward(shape))] }
  })
}

/** The inner size that is stated, or what its rule makes of it: two thirds, times a factor, up to a multiple. */
function innerSize(read: Fields, stated: number): number {
  const adjusts = read.flag('block_auto_adjust_ff_dim', true)
  const multiple = read.count('block_multiple_of', 256)
  const factor = read.optional('block_ffn_dim_multiplier') ?? 1
  if (!adjusts) return stated
  return multiple * Math.ceil(Math.floor(factor * Math.floor((2 * stated) / 3)) / multiple)
}

function typesIn(read: Fields, { layerTypes, layers }: Shape): readonly LayerType[] {
  const full = read.list('full_attn_idxs')
  if (layerTypes !== undefined) return layerTypes
  return Array.from({ length: layers }, (_, layer) =>
    full === undefined || full.includes(layer) ? 'full' : 'convolution',
  )
}

/** LFM2 (Liquid AI, 2025, arXiv:2511.23404): gated short convolutions, and attention in some layers. */
export const lfm2: Architecture = {
  name: 'lfm2',
  modelTypes: ['lfm2'],
  ggufTypes: ['lfm2'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const given = huggingFaceShape(read, defaults)
    const stated = read.number('block_ff_dim', given.innerSize)
    const shape = { ...given, innerSize: innerSize(read, stated) }
    const size = shape.hiddenSize
    for (const key of ['conv_dim', 'conv_dim_out', 'block_dim']) read.only(key, size)
    for (const key of ['block_use_swiglu', 'use_pos_enc']) read.only(key, true)
    read.skip('block_norm_eps', 'block_mlp_init_scale', 'block_out_init_scale', 'block_use_xavier_init')
    read.skip('conv_use_xavier_init', 'num_heads', 'theta')
    return config(shape, typesIn(read, shape), read.number('conv_L_cache', 3))
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const heads = read.numbers('attention.head_count_kv', shape.layers)
    const types = heads?.map((count): LayerType => (count === 0 ? 'convolution' : 'full')) ?? []
    return config(shape, types, read.number('shortconv.l_cache'))
  },
  names(_, file, prefix) {
    if (file === 'gguf') {
      return {
        roles: {
          ...ggufRoles,
          norm: 'token_embd_norm',
          'convolution.before': 'blk.{layer}.attn_norm',
          'convolution.input': 'blk.{layer}.shortconv.in_proj',
          'convolution.kernel': 'blk.{layer}.shortconv.conv',
          'convolution.output': 'blk.{layer}.shortconv.out_proj',
        },
      }
    }
    const layer = `${prefix}layers.{layer}`
    return {
      roles: {
        ...llamaRoles(prefix),
        norm: `${prefix}embedding_norm`,
        'attention.before': `${layer}.operator_norm`,
        'attention.output': `${layer}.self_attn.out_proj`,
        'attention.queryNorm': `${layer}.self_attn.q_layernorm`,
        'attention.keyNorm': `${layer}.self_attn.k_layernorm`,
        'convolution.before': `${layer}.operator_norm`,
        'convolution.input': `${layer}.conv.in_proj`,
        'convolution.kernel': `${layer}.conv.conv`,
        'convolution.output': `${layer}.conv.out_proj`,
        'feedForward.before': `${layer}.ffn_norm`,
        'feedForward.gate': `${layer}.feed_forward.w1`,
        'feedForward.up': `${layer}.feed_forward.w3`,
        'feedForward.down': `${layer}.feed_forward.w2`,
      },
    }
  },
}
