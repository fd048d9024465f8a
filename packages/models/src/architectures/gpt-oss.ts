import type { DecoderConfig } from '../decoder/config.ts'
import type { Names, Source } from '../files/sources.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type LayerType, type Shape } from './shape.ts'
import { typesOf } from './windows.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, kvHeads: 8, headDim: 64, tied: false, activation: 'silu', theta: 150000 },
  yarnTruncates: false,
  layerTypes: ['full', 'sliding'],
}

/** What a file says beside its shape. */
interface Own {
  readonly types: readonly LayerType[]
  readonly window: number
  readonly count: number
  readonly perToken: number
  readonly alpha: number
  readonly limit: number
}

function config(shape: Shape, { types, window, count, perToken, alpha, limit }: Own): DecoderConfig {
  const experts = { count, perToken, normalise: true }
  const network = feedForward(shape, { experts, clamp: { alpha, limit } })
  return decoder('gpt_oss', shape, layer => {
    const own = types[layer] === 'sliding' ? { window } : {}
    return { branches: [preNorm(attention(shape, { sinks: true, ...own })), preNorm(network)] }
  })
}

/** Every other layer slides, the first one among them. */
const alternating = (layers: number): LayerType[] =>
  Array.from({ length: layers }, (_, layer) => (layer % 2 === 0 ? 'sliding' : 'full'))

/** gpt-oss (OpenAI, 2025, arXiv:2508.10925): experts in MXFP4, attention with sinks and windows, YaRN. */
export const gptOss: Architecture = {
  name: 'gpt_oss',
  modelTypes: ['gpt_oss'],
  ggufTypes: ['gpt-oss'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    if (!read.has('rope_scaling') && !read.has('rope_parameters'))
      throw read.unexpected('rope_scaling', 'an object', undefined)
    return config(shape, {
      types: typesOf(shape, alternating(shape.layers)),
      window: read.number('sliding_window', 128),
      count: read.number(['num_local_experts', 'num_experts']),
      perToken: read.number(['num_experts_per_tok', 'experts_per_token'], 4),
      alpha: read.number('swiglu_alpha', 1.702),
      limit: read.number('swiglu_limit', 7),
    })
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const innerSize = read.number('expert_feed_forward_length', shape.innerSize)
    return config(
      { ...shape, innerSize },
      {
        types: alternating(shape.layers),
        window: read.number('attention.sliding_window'),
        count: read.number('expert_count'),
        perToken: read.number('expert_used_count'),
        ...{ alpha: 1.702, limit: 7 },
      },
    )
  },
  names(config, file, prefix, has) {
    if (file === 'gguf') {
      return { roles: { ...ggufRoles, 'feedForward.before': 'blk.{layer}.post_attention_norm' } }
    }
    return huggingFaceNames(config, prefix, has)
  },
}

function huggingFaceNames(config: DecoderConfig, prefix: string, has: (tensor: string) => boolean): Names {
  const layer = `${prefix}layers.{layer}`
  const mlp = `${layer}.mlp`
  const isPacked = has(`${prefix}layers.0.mlp.experts.down_proj_blocks`)
  const stack = (name: string): Source => {
    const bias = `${mlp}.experts.${name}_bias`
    if (isPacked) return { expert: { tensor: `${mlp}.experts.${name}_blocks`, bias } }
    return { expert: { transposed: { tensor: `${mlp}.experts.${name}`, bias } } }
  }
  // Rows of gate and up take turns.
  const groups = innerSizeOf(config)
  return {
    roles: {
      ...llamaRoles(prefix),
      'attention.sinks': { tensor: `${layer}.self_attn.sinks` },
      'feedForward.router': `${mlp}.router`,
      'feedForward.experts.gate': { rows: stack('gate_up_proj'), groups, parts: 2, from: 0 },
      'feedForward.experts.up': { rows: stack('gate_up_proj'), groups, parts: 2, from: 1 },
      'feedForward.experts.down': stack('down_proj'),
    },
  }
}

function innerSizeOf({ layers }: DecoderConfig): number {
  const network = layers[0]!.branches.map(({ op }) => op).find(({ kind }) => kind === 'feedForward')
  return network?.kind === 'feedForward' ? network.size : 1
}
