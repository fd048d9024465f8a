import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { fusedHeads, ggufRoles, groupedHeads, headsOf } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-5, tied: false, activation: 'gelu', theta: 10000, rotatedPart: 0.25 }

function config(shape: Shape, parallel: boolean): DecoderConfig {
  const network = feedForward(shape, { gated: false })
  const branches = [preNorm(attention(shape)), preNorm(network, parallel ? { reads: 'layer' } : {})]
  return decoder('gpt_neox', shape, () => ({ branches }), { norm: { kind: 'layer', epsilon: shape.epsilon } })
}

/** GPT-NeoX (Black et al., 2022, arXiv:2204.06745) and Pythia (Biderman et al., 2023, arXiv:2304.01373): two branches that read the same. */
export const gptNeox: Architecture = {
  name: 'gpt_neox',
  modelTypes: ['gpt_neox'],
  ggufTypes: ['gptneox'],
  prefixes: ['gpt_neox.', ''],
  huggingFace(read) {
    const parallel = read.flag('use_parallel_residual', true)
    return config(huggingFaceShape(read, defaults), parallel)
  },
  gguf: (read, tensors) =>
    config(ggufShape(read, defaults, tensors), read.flag('use_parallel_residual', true)),
  names(config, file, prefix) {
    const { heads } = headsOf(config)
    if (file === 'gguf') {
      return { roles: { ...ggufRoles, ...fusedHeads('blk.{layer}.attn_qkv', { heads, kvHeads: heads }) } }
    }
    const layer = `${prefix}layers.{layer}`
    return {
      roles: {
        'embedding.tokens': `${prefix}embed_in`,
        norm: `${prefix}final_layer_norm`,
        head: 'embed_out',
        'attention.before': `${layer}.input_layernorm`,
        ...groupedHeads(`${layer}.attention.query_key_value`, { heads, kvHeads: heads }),
        'attention.output': `${layer}.attention.dense`,
        'feedForward.before': `${layer}.post_attention_layernorm`,
        'feedForward.up': `${layer}.mlp.dense_h_to_4h`,
        'feedForward.down': `${layer}.mlp.dense_4h_to_h`,
      },
      ignored: [/\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/],
    }
  },
}
