import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { fusedHeads, ggufRoles, groupedHeads, headsOf } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, tied: true, activation: 'geluTanh', fixedActivation: true, fourfold: true },
  // What it was trained on; its positions know no end, and its files do not say it.
  contextLength: 2048,
}

function config(shape: Shape): DecoderConfig {
  const branches = [preNorm(attention(shape, { alibi: true })), preNorm(feedForward(shape, { gated: false }))]
  return decoder('bloom', shape, () => ({ branches }), {
    norm: { kind: 'layer', epsilon: shape.epsilon },
    embedding: { norm: true },
  })
}

/** BLOOM (BigScience, 2022, arXiv:2211.05100): linear biases in the place of positions, a norm behind the embedding. */
export const bloom: Architecture = {
  name: 'bloom',
  modelTypes: ['bloom'],
  ggufTypes: ['bloom'],
  prefixes: ['transformer.', ''],
  huggingFace(read) {
    read.only('apply_residual_connection_post_layernorm', false)
    return config(huggingFaceShape(read, defaults))
  },
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors)),
  names(config, file, prefix) {
    const { heads } = headsOf(config)
    const both = { heads, kvHeads: heads }
    if (file === 'gguf') return { roles: { ...ggufRoles, ...fusedHeads('blk.{layer}.attn_qkv', both) } }
    const layer = `${prefix}h.{layer}`
    return {
      roles: {
        'embedding.tokens': `${prefix}word_embeddings`,
        'embedding.norm': `${prefix}word_embeddings_layernorm`,
        norm: `${prefix}ln_f`,
        head: 'lm_head',
        'attention.before': `${layer}.input_layernorm`,
        ...groupedHeads(`${layer}.self_attention.query_key_value`, both),
        'attention.output': `${layer}.self_attention.dense`,
        'feedForward.before': `${layer}.post_attention_layernorm`,
        'feedForward.up': `${layer}.mlp.dense_h_to_4h`,
        'feedForward.down': `${layer}.mlp.dense_4h_to_h`,
      },
    }
  },
}
