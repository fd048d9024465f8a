import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, bothNorms, decoder, feedForward } from './blocks.ts'
import { fusedGate, ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1.5625e-7, kvHeads: 2, headDim: 128, tied: false, activation: 'silu' },
  ...{ theta: 10000, rotatedPart: 0.5, layout: 'interleaved' },
}

function config(shape: Shape): DecoderConfig {
  const branches = [bothNorms(attention(shape)), bothNorms(feedForward(shape))]
  return decoder('glm4', shape, () => ({ branches }))
}

/** GLM-4-0414 (GLM Team, 2024, arXiv:2406.12793): four norms a layer, half of each head turns, in neighbouring pairs. */
export const glm4: Architecture = {
  name: 'glm4',
  modelTypes: ['glm4'],
  ggufTypes: ['glm4'],
  prefixes: ['model.', ''],
  huggingFace: read => config(huggingFaceShape(read, defaults)),
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors)),
  names(_, file, prefix) {
    if (file === 'gguf') return { roles: { ...ggufRoles, ...fusedGate('blk.{layer}.ffn_up') } }
    const layer = `${prefix}layers.{layer}`
    return {
      roles: {
        ...llamaRoles(prefix),
        ...fusedGate(`${layer}.mlp.gate_up_proj`),
        'attention.after': `${layer}.post_self_attn_layernorm`,
        'feedForward.after': `${layer}.post_mlp_layernorm`,
      },
    }
  },
}
