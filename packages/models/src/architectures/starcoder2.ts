import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-5, kvHeads: 2, tied: true, activation: 'geluTanh', theta: 10000 }

function config(shape: Shape, window: number | undefined): DecoderConfig {
  const branches = [preNorm(attention(shape, { window })), preNorm(feedForward(shape, { gated: false }))]
  return decoder('starcoder2', shape, () => ({ branches }), {
    norm: { kind: 'layer', epsilon: shape.epsilon },
  })
}

/** StarCoder 2 (Lozhkov et al., 2024, arXiv:2402.19173). Its GGUF files do not say the window. */
export const starcoder2: Architecture = {
  name: 'starcoder2',
  modelTypes: ['starcoder2'],
  ggufTypes: ['starcoder2'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    read.only('norm_type', 'layer_norm')
    read.only('mlp_type', 'default')
    read.skip('rope_type')
    return config(huggingFaceShape(read, defaults), read.optional('sliding_window'))
  },
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors), undefined),
  names(_, file, prefix) {
    if (file === 'gguf') return { roles: ggufRoles }
    const layer = `${prefix}layers.{layer}`
    const network = { 'feedForward.up': `${layer}.mlp.c_fc`, 'feedForward.down': `${layer}.mlp.c_proj` }
    return { roles: { ...llamaRoles(prefix), ...network } }
  },
}
