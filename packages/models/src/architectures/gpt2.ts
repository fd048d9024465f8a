import type { DecoderConfig } from '../decoder/config.ts'
import type { Source } from '../files/sources.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { fusedHeads, ggufRoles, headsOf } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-5, tied: true, activation: 'geluTanh', fourfold: true }

function config(shape: Shape): DecoderConfig {
  const branches = [preNorm(attention(shape)), preNorm(feedForward(shape, { gated: false }))]
  return decoder('gpt2', shape, () => ({ branches }), {
    norm: { kind: 'layer', epsilon: shape.epsilon },
    embedding: { positions: 0 },
  })
}

const transposed = (name: string): Source => ({ transposed: name })

/** GPT-2 (Radford et al., 2019): learned positions, and matrices that are stored the other way round. */
export const gpt2: Architecture = {
  name: 'gpt2',
  modelTypes: ['gpt2'],
  ggufTypes: ['gpt2'],
  prefixes: ['', 'transformer.'],
  huggingFace(read) {
    read.only('scale_attn_weights', true)
    read.only('scale_attn_by_inverse_layer_idx', false)
    return config(huggingFaceShape(read, defaults))
  },
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors)),
  names(config, file, prefix) {
    const heads = headsOf(config)
    if (file === 'gguf') return { roles: { ...ggufRoles, ...fusedHeads('blk.{layer}.attn_qkv', heads) } }
    const layer = `${prefix}h.{layer}`
    return {
      roles: {
        'embedding.tokens': `${prefix}wte`,
        'embedding.positions': `${prefix}wpe`,
        norm: `${prefix}ln_f`,
        head: 'lm_head',
        'attention.before': `${layer}.ln_1`,
        ...fusedHeads(transposed(`${layer}.attn.c_attn`), heads),
        'attention.output': transposed(`${layer}.attn.c_proj`),
        'feedForward.before': `${layer}.ln_2`,
        'feedForward.up': transposed(`${layer}.mlp.c_fc`),
        'feedForward.down': transposed(`${layer}.mlp.c_proj`),
      },
      // The causal mask as a tensor, which older files have.
      ignored: [/(^|\.)h\.\d+\.attn\.(bias|masked_bias)$/],
    }
  },
}
