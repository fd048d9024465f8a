import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { fusedGate, fusedHeads, ggufRoles, headsOf, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, kvHeads: 'heads', tied: false, activation: 'silu', theta: 10000, rotatedPart: 1 },
  originalLength: 4096,
}

function config(shape: Shape, window: number | undefined): DecoderConfig {
  const [mixer, network] = [attention(shape, { window }), feedForward(shape)]
  return decoder('phi3', shape, () => ({ branches: [preNorm(mixer), preNorm(network)] }))
}

/** Phi 3, 3.5 and 4 (Abdin et al., 2024, arXiv:2404.14219): Llama with fused matrices; a window, and longrope for long contexts. */
export const phi3: Architecture = {
  name: 'phi3',
  modelTypes: ['phi3'],
  ggufTypes: ['phi3'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    return config(shape, read.optional('sliding_window'))
  },
  gguf: (read, tensors) =>
    config(ggufShape(read, defaults, tensors), read.optional('attention.sliding_window')),
  names(config, file, prefix) {
    const heads = headsOf(config)
    if (file === 'gguf') {
      const fused = { ...fusedHeads('blk.{layer}.attn_qkv', heads), ...fusedGate('blk.{layer}.ffn_up') }
      return { roles: { ...ggufRoles, ...fused }, ignored: [/^rope_factors_(long|short)\.weight$/] }
    }
    const layer = `${prefix}layers.{layer}`
    const fused = {
      ...fusedHeads(`${layer}.self_attn.qkv_proj`, heads),
      ...fusedGate(`${layer}.mlp.gate_up_proj`),
    }
    return { roles: { ...llamaRoles(prefix), ...fused } }
  },
}
