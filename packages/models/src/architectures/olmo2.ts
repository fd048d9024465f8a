import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, postNorm } from './blocks.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-5, kvHeads: 'heads', tied: false, activation: 'silu', theta: 10000 }

function config(shape: Shape): DecoderConfig {
  const branches = [postNorm(attention(shape, { queryKeyNorm: 'projection' })), postNorm(feedForward(shape))]
  return decoder('olmo2', shape, () => ({ branches }))
}

/** OLMo 2 (OLMo Team, 2024, arXiv:2501.00656): norms behind attention and feed-forward, and of whole projections. */
export const olmo2: Architecture = {
  name: 'olmo2',
  modelTypes: ['olmo2'],
  ggufTypes: ['olmo2'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    read.only('clip_qkv', null)
    return config(huggingFaceShape(read, defaults))
  },
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors)),
  names(_, file, prefix) {
    if (file === 'gguf') return { roles: ggufRoles }
    const layer = `${prefix}layers.{layer}`
    const norms = {
      'attention.after': `${layer}.post_attention_layernorm`,
      'feedForward.after': `${layer}.post_feedforward_layernorm`,
    }
    return { roles: { ...llamaRoles(prefix), ...norms } }
  },
}
