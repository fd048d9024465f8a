import type { Branch, DecoderConfig } from '../decoder/config.ts'
import type { Names } from '../files/sources.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { fusedHeads, ggufRoles, groupedHeads, headsOf } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, tied: true, activation: 'gelu', theta: 10000, fourfold: true, contextLength: 2048 },
}

/** How its two branches stand: side by side behind a norm each or one for both, or one after the other. */
type Kind = 'two norms' | 'one norm' | 'sequential'

function config(shape: Shape, kind: Kind): DecoderConfig {
  const op = feedForward(shape, { gated: false })
  const second: Branch =
    kind === 'one norm'
      ? { op, norms: [], reads: 'normed' }
      : preNorm(op, kind === 'two norms' ? { reads: 'layer' } : {})
  const branches = [preNorm(attention(shape)), second]
  return decoder('falcon', shape, () => ({ branches }), { norm: { kind: 'layer', epsilon: shape.epsilon } })
}

/** Falcon (Almazrouei et al., 2023, arXiv:2311.16867): 7B with one key head for all, 40B and 180B with some. */
export const falcon: Architecture = {
  name: 'falcon',
  modelTypes: ['falcon', 'RefinedWeb', 'RefinedWebModel'],
  ggufTypes: ['falcon'],
  prefixes: ['transformer.', ''],
  huggingFace(read) {
    read.only('alibi', false)
    const isNew = read.flag('new_decoder_architecture', false)
    const multiQuery = read.flag('multi_query', true)
    const parallel = read.flag('parallel_attn', true)
    const heads = read.number(['num_attention_heads', 'n_head'])
    const shape = huggingFaceShape(read, isNew ? { ...defaults, kvHeads: heads } : defaults)
    if (isNew) {
      read.only('num_ln_in_parallel_attn', null, 2)
      return config(shape, 'two norms')
    }
    read.skip('num_kv_heads', 'num_ln_in_parallel_attn')
    return config({ ...shape, kvHeads: multiQuery ? 1 : heads }, parallel ? 'one norm' : 'sequential')
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const isNew = tensors.dims('blk.0.attn_norm_2.weight') !== undefined
    const isSequential = tensors.dims('blk.0.ffn_norm.weight') !== undefined
    return config(shape, isNew ? 'two norms' : isSequential ? 'sequential' : 'one norm')
  },
  names: (config, file, prefix) => (file === 'gguf' ? ggufNames(config) : huggingFaceNames(config, prefix)),
}

function kindOf({ layers }: DecoderConfig): Kind {
  const reads = layers[0]?.branches[1]?.reads
  return reads === 'normed' ? 'one norm' : reads === 'layer' ? 'two norms' : 'sequential'
}

function ggufNames(config: DecoderConfig): Names {
  const roles = { ...ggufRoles, ...fusedHeads('blk.{layer}.attn_qkv', headsOf(config)) }
  if (kindOf(config) !== 'two norms') return { roles }
  const norms = {
    'attention.before': 'blk.{layer}.attn_norm_2',
    'feedForward.before': 'blk.{layer}.attn_norm',
  }
  return { roles: { ...roles, ...norms } }
}

function huggingFaceNames(config: DecoderConfig, prefix: string): Names {
  const layer = `${prefix}h.{layer}`
  const isNew = kindOf(config) === 'two norms'
  return {
    roles: {
      'embedding.tokens': `${prefix}word_embeddings`,
      norm: `${prefix}ln_f`,
      head: 'lm_head',
      'attention.before': isNew ? `${layer}.ln_attn` : `${layer}.input_layernorm`,
      ...groupedHeads(`${layer}.self_attention.query_key_value`, headsOf(config)),
      'attention.output': `${layer}.self_attention.dense`,
      'feedForward.before': isNew ? `${layer}.ln_mlp` : `${layer}.post_attention_layernorm`,
      'feedForward.up': `${layer}.mlp.dense_h_to_4h`,
      'feedForward.down': `${layer}.mlp.dense_4h_to_h`,
    },
  }
}
