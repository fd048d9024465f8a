import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import type { Fields } from './fields.ts'
import { llamaGgufNames } from './llama.ts'
import { llamaRoles } from './names.ts'
import { type Defaults, huggingFaceShape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-5, kvHeads: 8, tied: false, activation: 'silu', theta: 1e6 }

function config(read: Fields) {
  read.only('rope_layout', 'half')
  const shape = huggingFaceShape(read, defaults)
  const window = read.optional('sliding_window')
  const experts = {
    count: read.number('num_local_experts'),
    perToken: read.number('num_experts_per_tok', 2),
    normalise: true,
  }
  const mixer = attention(shape, window === undefined ? {} : { window })
  return decoder('mixtral', shape, () => ({
    branches: [preNorm(mixer), preNorm(feedForward(shape, { experts }))],
  }))
}

/** Mixtral (Jiang et al., 2024, arXiv:2401.04088): Llama with several feed-forward networks a layer, of which a token uses two. */
export const mixtral: Architecture = {
  name: 'mixtral',
  modelTypes: ['mixtral'],
  // Its GGUF files say `llama`, which reads experts too.
  ggufTypes: [],
  prefixes: ['model.', ''],
  huggingFace: config,
  names(config, file, prefix) {
    if (file === 'gguf') return llamaGgufNames(config)
    const moe = `${prefix}layers.{layer}.block_sparse_moe`
    return {
      roles: {
        ...llamaRoles(prefix),
        'feedForward.router': `${moe}.gate`,
        'feedForward.experts.gate': `${moe}.experts.{expert}.w1`,
        'feedForward.experts.up': `${moe}.experts.{expert}.w3`,
        'feedForward.experts.down': `${moe}.experts.{expert}.w2`,
      },
    }
  },
}
