import type { Llama2cConfig } from '@tersor/formats'
import type { DecoderConfig, FeedForward } from '../decoder/config.ts'
import { ropeFrequencies } from '../decoder/rope.ts'
import type { Names } from '../files/sources.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, headsOf, interleavedHeads, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-6, kvHeads: 'heads', tied: false, activation: 'silu', theta: 10000 }

function config(shape: Shape, own: Partial<FeedForward> = {}): DecoderConfig {
  const [mixer, network] = [attention(shape), feedForward(shape, own)]
  const name = own.experts === undefined ? 'llama' : 'mixtral'
  return decoder(name, shape, () => ({ branches: [preNorm(mixer), preNorm(network)] }))
}

/** Llama (Touvron et al., 2023, arXiv:2302.13971), Llama 2, 3 and 3.2, SmolLM2, TinyLlama and many others. */
export const llama: Architecture = {
  name: 'llama',
  modelTypes: ['llama'],
  ggufTypes: ['llama'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    read.only('rope_interleaved', false)
    read.only('rope_layout', 'half')
    return config(huggingFaceShape(read, defaults))
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const count = read.number('expert_count', 0)
    const perToken = read.number('expert_used_count', 0)
    return config(shape, count === 0 ? {} : { experts: { count, perToken, normalise: true } })
  },
  names: (config, file, prefix) =>
    file === 'gguf'
      ? llamaGgufNames(config)
      : { roles: llamaRoles(prefix), ignored: [/\.self_attn\.rotary_emb\.inv_freq$/] },
}

/** The tensors of GGUF files of the architecture `llama`, experts among them. */
export function llamaGgufNames(config: DecoderConfig): Names {
  return { roles: { ...ggufRoles, ...interleavedHeads(config) }, ignored: [/^rope_freqs\.weight$/] }
}

/** The configuration of a checkpoint of llama2.c. */
export function llama2cConfig(file: Llama2cConfig): DecoderConfig {
  const { dim, hiddenDim, sequenceLength, heads, ...rest } = file
  const headDim = dim / heads
  const rope = { layout: 'half' as const, frequencies: ropeFrequencies(headDim, 10000) }
  return config({
    ...rest,
    ...{ file: 'huggingFace', heads, headDim, hiddenSize: dim, innerSize: hiddenDim },
    ...{ contextLength: sequenceLength, epsilon: 1e-5, activation: 'silu', layerTypes: undefined },
    rope: () => rope,
  })
}

/** Its tensors have Hugging Face's names, and the rows of queries and keys in the order of neighbouring pairs. */
export function llama2cNames(config: DecoderConfig): Names {
  const roles = llamaRoles()
  const { headDim } = headsOf(config)
  const turned = (role: string) => ({ [role]: { interleaved: roles[role]!, headDim } })
  return { roles: { ...roles, ...turned('attention.query'), ...turned('attention.key') } }
}
