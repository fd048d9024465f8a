import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, kvHeads: 'heads', tied: false, activation: 'geluTanh', theta: 10000, rotatedPart: 0.5 },
}

function config(shape: Shape): DecoderConfig {
  const network = feedForward(shape, { gated: false })
  const branches = [preNorm(attention(shape)), { op: network, norms: [], reads: 'normed' as const }]
  return decoder('phi', shape, () => ({ branches }), { norm: { kind: 'layer', epsilon: shape.epsilon } })
}

/** Phi 1, 1.5 and 2 (Li et al., 2023, arXiv:2309.05463): attention and feed-forward side by side behind one norm. */
export const phi: Architecture = {
  name: 'phi',
  modelTypes: ['phi'],
  ggufTypes: ['phi2'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    read.only('qk_layernorm', false)
    return config(huggingFaceShape(read, defaults))
  },
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors)),
  names(_, file, prefix) {
    if (file === 'gguf') return { roles: ggufRoles }
    const layer = `${prefix}layers.{layer}`
    return {
      roles: {
        ...llamaRoles(prefix),
        norm: `${prefix}final_layernorm`,
        'attention.output': `${layer}.self_attn.dense`,
        'feedForward.up': `${layer}.mlp.fc1`,
        'feedForward.down': `${layer}.mlp.fc2`,
      },
    }
  },
}
