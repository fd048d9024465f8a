import type { Branch, DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, kvHeads: 32, tied: false, activation: 'silu', theta: 10000, rotatedPart: 0.25 },
}

function config(shape: Shape, parallel: boolean): DecoderConfig {
  const op = feedForward(shape)
  const second: Branch = parallel ? { op, norms: [], reads: 'normed' } : preNorm(op)
  const branches = [preNorm(attention(shape)), second]
  return decoder('stablelm', shape, () => ({ branches }), { norm: { kind: 'layer', epsilon: shape.epsilon } })
}

/** StableLM and StableLM 2 (Bellagente et al., 2024, arXiv:2402.17834). */
export const stablelm: Architecture = {
  name: 'stablelm',
  modelTypes: ['stablelm', 'stablelm_epoch'],
  ggufTypes: ['stablelm'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    read.only('qk_layernorm', false)
    return config(huggingFaceShape(read, defaults), read.flag('use_parallel_residual', false))
  },
  gguf: (read, tensors) =>
    config(ggufShape(read, defaults, tensors), read.flag('use_parallel_residual', false)),
  names: (_, file, prefix) => ({ roles: file === 'gguf' ? ggufRoles : llamaRoles(prefix) }),
}
