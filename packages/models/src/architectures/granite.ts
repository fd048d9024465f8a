import type { Branch, DecoderConfig, Experts, Operation } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward } from './blocks.ts'
import type { Fields } from './fields.ts'
import { ggufRoles, interleavedHeads, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-6, kvHeads: 'heads', tied: false, activation: 'silu', theta: 10000 }

/** What it multiplies by; its logits are divided. */
interface Multipliers {
  readonly embedding: number
  readonly residual: number
  readonly attention: number
  readonly logits: number
}

function config(name: string, shape: Shape, by: Multipliers, experts?: Experts): DecoderConfig {
  const branch = (op: Operation): Branch => ({ op, norms: ['before'], scale: by.residual })
  const network = feedForward(shape, experts === undefined ? {} : { experts })
  const branches = [branch(attention(shape, { scale: by.attention })), branch(network)]
  return decoder(name, shape, () => ({ branches }), {
    embedding: { scale: by.embedding },
    head: { tied: shape.tied, scale: 1 / by.logits },
  })
}

const fromHuggingFace = (read: Fields): Multipliers => ({
  embedding: read.number('embedding_multiplier', 1),
  residual: read.number('residual_multiplier', 1),
  attention: read.number('attention_multiplier', 1),
  logits: read.number('logits_scaling', 1),
})

const fromGguf = (read: Fields, { headDim }: Shape): Multipliers => ({
  embedding: read.number('embedding_scale', 1),
  residual: read.number('residual_scale', 1),
  attention: read.number('attention.scale', 1 / Math.sqrt(headDim)),
  logits: read.number('logit_scale', 1),
})

/** Granite 3 (IBM, 2024): Llama with multipliers of the embedding, the scores, the branches and the logits. */
export const granite: Architecture = {
  name: 'granite',
  modelTypes: ['granite'],
  ggufTypes: ['granite'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    return config('granite', shape, fromHuggingFace(read))
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    return config('granite', shape, fromGguf(read, shape))
  },
  names: (config, file, prefix) => ({
    roles: file === 'gguf' ? { ...ggufRoles, ...interleavedHeads(config) } : llamaRoles(prefix),
  }),
}

/** Granite 3 with experts (IBM, 2024), whose matrices lie in stacks. */
export const graniteMoe: Architecture = {
  name: 'granitemoe',
  modelTypes: ['granitemoe'],
  ggufTypes: ['granitemoe'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    const perToken = read.number('num_experts_per_tok', 2)
    const experts = { count: read.number('num_local_experts'), perToken, normalise: true }
    return config('granitemoe', shape, fromHuggingFace(read), experts)
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const [count, perToken] = [read.number('expert_count'), read.number('expert_used_count')]
    return config('granitemoe', shape, fromGguf(read, shape), { count, perToken, normalise: true })
  },
  names(config, file, prefix) {
    if (file === 'gguf') return { roles: { ...ggufRoles, ...interleavedHeads(config) } }
    const moe = `${prefix}layers.{layer}.block_sparse_moe`
    const stack = { expert: `${moe}.input_linear` }
    return {
      roles: {
        ...llamaRoles(prefix),
        'feedForward.router': `${moe}.router.layer`,
        'feedForward.experts.gate': { rows: stack, parts: 2, from: 0 },
        'feedForward.experts.up': { rows: stack, parts: 2, from: 1 },
        'feedForward.experts.down': { expert: `${moe}.output_linear` },
      },
    }
  },
}
