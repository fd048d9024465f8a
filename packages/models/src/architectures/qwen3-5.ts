import type { DeltaNet } from '@tersor/core-tensor'
import type { DecoderConfig } from '../decoder/config.ts'
import type { Names } from '../files/sources.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, headsOf, llamaRoles, withoutOne } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type LayerType, type Shape } from './shape.ts'
import { typesOf } from './windows.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-6, kvHeads: 4, headDim: 256, tied: false, activation: 'silu' },
  ...{ theta: 10000, rotatedPart: 0.25, layerTypes: ['full', 'linear'] },
}

function config(shape: Shape, types: readonly LayerType[], delta: Omit<DeltaNet, 'kind'>): DecoderConfig {
  const { epsilon } = shape
  const full = attention(shape, { queryKeyNorm: 'head', gated: true })
  return decoder(
    'qwen3_5',
    shape,
    layer => {
      const mixer = types[layer] === 'linear' ? ({ kind: 'delta', ...delta } as const) : full
      return { branches: [preNorm(mixer), preNorm(feedForward(shape))] }
    },
    { norm: { kind: 'rms', epsilon, offset: 1 } },
  )
}

/** Three delta nets, then attention. */
const everyFourth = (layers: number): LayerType[] =>
  Array.from({ length: layers }, (_, layer) => ((layer + 1) % 4 === 0 ? 'full' : 'linear'))

/** Qwen 3.5's language model (Qwen Team, 2026): gated delta nets, and gated attention in every fourth layer. */
export const qwen35: Architecture = {
  name: 'qwen3_5',
  modelTypes: ['qwen3_5_text'],
  ggufTypes: ['qwen35'],
  prefixes: ['model.', '', 'model.language_model.', 'language_model.model.'],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    return config(shape, typesOf(shape, everyFourth(shape.layers)), {
      heads: read.number('linear_num_value_heads'),
      keyHeads: read.number('linear_num_key_heads'),
      keyDim: read.number('linear_key_head_dim'),
      valueDim: read.number('linear_value_head_dim'),
      kernel: read.number('linear_conv_kernel_dim', 4),
      pairing: 'grouped',
    })
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const recurrent = read.list('attention.recurrent_layers')
    const types = recurrent?.map((each): LayerType => (each === true ? 'linear' : 'full'))
    const heads = read.number('ssm.time_step_rank')
    return config(shape, types ?? everyFourth(shape.layers), {
      heads,
      keyHeads: read.number('ssm.group_count'),
      keyDim: read.number('ssm.state_size'),
      valueDim: read.number('ssm.inner_size') / heads,
      kernel: read.number('ssm.conv_kernel'),
      pairing: 'tiled',
    })
  },
  names: (config, file, prefix) => (file === 'gguf' ? ggufNames(config) : huggingFaceNames(config, prefix)),
}

/** Of each head its query, then what gates it. */
function gatedQuery(name: string, { heads }: { heads: number }) {
  return {
    'attention.query': { rows: name, groups: heads, parts: 2, from: 0 },
    'attention.gate': { rows: name, groups: heads, parts: 2, from: 1 },
  }
}

function ggufNames(config: DecoderConfig): Names {
  const layer = 'blk.{layer}'
  const roles = {
    ...ggufRoles,
    'feedForward.before': `${layer}.post_attention_norm`,
    'delta.before': `${layer}.attn_norm`,
  }
  return {
    roles: {
      ...roles,
      ...withoutOne(roles),
      ...gatedQuery(`${layer}.attn_q`, headsOf(config)),
      'delta.queryKeyValue': `${layer}.attn_qkv`,
      'delta.kernel': `${layer}.ssm_conv1d`,
      'delta.gate': `${layer}.attn_gate`,
      'delta.write': `${layer}.ssm_beta`,
      'delta.step': `${layer}.ssm_alpha`,
      'delta.stepBias': { tensor: `${layer}.ssm_dt.bias` },
      'delta.decay': { tensor: `${layer}.ssm_a` },
      'delta.norm': `${layer}.ssm_norm`,
      'delta.output': `${layer}.ssm_out`,
    },
  }
}

function huggingFaceNames(config: DecoderConfig, prefix: string): Names {
  const roles = llamaRoles(prefix)
  const layer = `${prefix}layers.{layer}`
  const delta = `${layer}.linear_attn`
  return {
    roles: {
      ...roles,
      ...gatedQuery(`${layer}.self_attn.q_proj`, headsOf(config)),
      'delta.before': roles['attention.before']!,
      'delta.queryKeyValue': `${delta}.in_proj_qkv`,
      'delta.kernel': `${delta}.conv1d`,
      'delta.gate': `${delta}.in_proj_z`,
      'delta.write': `${delta}.in_proj_b`,
      'delta.step': `${delta}.in_proj_a`,
      'delta.stepBias': { tensor: `${delta}.dt_bias` },
      'delta.decay': { minusExp: { tensor: `${delta}.A_log` } },
      'delta.norm': `${delta}.norm`,
      'delta.output': `${delta}.out_proj`,
    },
  }
}
