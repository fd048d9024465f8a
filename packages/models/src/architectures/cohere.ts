import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{
    epsilon: 1e-5,
    kvHeads: 'heads',
    tied: true,
    activation: 'silu',
    theta: 500000,
    layout: 'interleaved',
  },
}

function config(shape: Shape, scale: number): DecoderConfig {
  const branches = [
    preNorm(attention(shape)),
    { op: feedForward(shape), norms: [], reads: 'normed' as const },
  ]
  return decoder('cohere', shape, () => ({ branches }), {
    norm: { kind: 'layer', epsilon: shape.epsilon },
    head: { tied: shape.tied, scale },
  })
}

/** Command R (Cohere, 2024): attention and feed-forward side by side behind one norm without a bias. */
export const cohere: Architecture = {
  name: 'cohere',
  modelTypes: ['cohere'],
  ggufTypes: ['command-r'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    read.only('use_qk_norm', false)
    return config(huggingFaceShape(read, defaults), read.number('logit_scale', 0.0625))
  },
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors), read.number('logit_scale', 0.0625)),
  names: (_, file, prefix) => ({ roles: file === 'gguf' ? ggufRoles : llamaRoles(prefix) }),
}
