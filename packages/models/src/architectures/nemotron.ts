import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, llamaRoles, withoutOne } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, kvHeads: 'heads', tied: false, activation: 'relu2', theta: 10000, rotatedPart: 0.5 },
}

function config(shape: Shape): DecoderConfig {
  const branches = [preNorm(attention(shape)), preNorm(feedForward(shape, { gated: false }))]
  return decoder('nemotron', shape, () => ({ branches }), {
    norm: { kind: 'layer', epsilon: shape.epsilon, offset: 1 },
  })
}

/** Nemotron and Minitron (Parmar et al., 2024, arXiv:2402.16819): squared relu, norms stored as distances from 1. */
export const nemotron: Architecture = {
  name: 'nemotron',
  modelTypes: ['nemotron'],
  ggufTypes: ['nemotron'],
  prefixes: ['model.', ''],
  huggingFace: read => config(huggingFaceShape(read, defaults)),
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors)),
  names: (_, file, prefix) => ({
    roles: file === 'gguf' ? { ...ggufRoles, ...withoutOne(ggufRoles) } : llamaRoles(prefix),
  }),
}
