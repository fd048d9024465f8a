import type { DecoderConfig, Experts } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import type { Fields } from './fields.ts'
import { ggufRoles, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const second: Defaults = {
  ...{ epsilon: 1e-6, kvHeads: 32, tied: false, activation: 'silu', theta: 10000 },
  layerTypes: ['full', 'sliding'],
}
const secondMoe: Defaults = { ...second, kvHeads: 16 }
const third: Defaults = { ...second, headDim: 128 }
const thirdMoe: Defaults = { ...third, kvHeads: 4 }

/** What a file says beside its shape. */
interface Own {
  readonly experts?: Experts | undefined
  /** The window of a layer. */
  window?(layer: number): number | undefined
}

function config(name: string, shape: Shape, { experts, window = () => undefined }: Own): DecoderConfig {
  const queryKeyNorm = name.startsWith('qwen3') ? 'head' : undefined
  const network = feedForward(shape, experts === undefined ? {} : { experts })
  return decoder(name, shape, layer => ({
    branches: [preNorm(attention(shape, { queryKeyNorm, window: window(layer) })), preNorm(network)],
  }))
}

/** Windows only where they are switched on, and from some layer on. */
function windows(read: Fields, shape: Shape): (layer: number) => number | undefined {
  const isUsed = read.flag('use_sliding_window', false)
  const size = read.has('sliding_window') ? read.optional('sliding_window') : 4096
  const first = read.number('max_window_layers', 28)
  const types = shape.layerTypes
  if (!isUsed || size === undefined) return () => undefined
  return layer => ((types === undefined ? layer >= first : types[layer] === 'sliding') ? size : undefined)
}

function dense(name: string, defaults: Defaults): Architecture {
  return {
    name,
    modelTypes: [name],
    ggufTypes: [name],
    prefixes: ['model.', ''],
    huggingFace(read) {
      const shape = huggingFaceShape(read, defaults)
      return config(name, shape, { window: windows(read, shape) })
    },
    gguf: (read, tensors) => config(name, ggufShape(read, defaults, tensors), {}),
    names: (_, file, prefix) => ({ roles: file === 'gguf' ? ggufRoles : llamaRoles(prefix) }),
  }
}

/** Of a mixture: every layer has experts, which is what published files say. */
function expertsOf(read: Fields, perToken: number): Experts {
  read.only('decoder_sparse_step', 1)
  read.only('mlp_only_layers', [], null)
  return {
    count: read.number(['num_experts', 'num_local_experts']),
    perToken: read.number('num_experts_per_tok', perToken),
    normalise: read.flag('norm_topk_prob', false),
  }
}

/** The width of an expert stands in the place of the dense one. */
function mixtureShape(read: Fields, defaults: Defaults): Shape {
  const shape = huggingFaceShape(read, defaults)
  return { ...shape, innerSize: read.number('moe_intermediate_size') }
}

function ggufMixture(read: Fields, shape: Shape, normalise: boolean): { shape: Shape; experts: Experts } {
  const innerSize = read.number('expert_feed_forward_length', shape.innerSize)
  const [count, perToken] = [read.number('expert_count'), read.number('expert_used_count')]
  return { shape: { ...shape, innerSize }, experts: { count, perToken, normalise } }
}

const expertRoles = (prefix: string) => {
  const mlp = `${prefix}layers.{layer}.mlp`
  return {
    'feedForward.router': `${mlp}.gate`,
    'feedForward.experts.gate': `${mlp}.experts.{expert}.gate_proj`,
    'feedForward.experts.up': `${mlp}.experts.{expert}.up_proj`,
    'feedForward.experts.down': `${mlp}.experts.{expert}.down_proj`,
    'feedForward.shared.gate': `${mlp}.shared_expert.gate_proj`,
    'feedForward.shared.up': `${mlp}.shared_expert.up_proj`,
    'feedForward.shared.down': `${mlp}.shared_expert.down_proj`,
    'feedForward.shared.router': `${mlp}.shared_expert_gate`,
  }
}

const mixtureNames: Architecture['names'] = (_, file, prefix) => ({
  roles: file === 'gguf' ? ggufRoles : { ...llamaRoles(prefix), ...expertRoles(prefix) },
})

/** Qwen 2 and 2.5 (Qwen Team, 2024, arXiv:2407.10671, 2412.15115): Llama with biases of q, k and v. */
export const qwen2: Architecture = /* @__PURE__ */ dense('qwen2', second)

/** Qwen 3 (Qwen Team, 2025, arXiv:2505.09388): norms of each head's queries and keys. */
export const qwen3: Architecture = /* @__PURE__ */ dense('qwen3', third)

/** Qwen 1.5 and 2 with experts (arXiv:2407.10671): one more that all tokens share, weighed by a gate. */
export const qwen2Moe: Architecture = {
  name: 'qwen2_moe',
  modelTypes: ['qwen2_moe'],
  ggufTypes: ['qwen2moe'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = mixtureShape(read, secondMoe)
    const shared = { size: read.number('shared_expert_intermediate_size'), gated: true }
    const experts = { ...expertsOf(read, 4), shared }
    return config('qwen2_moe', shape, { experts, window: windows(read, shape) })
  },
  gguf(read, tensors) {
    const { shape, experts } = ggufMixture(read, ggufShape(read, secondMoe, tensors), false)
    const shared = { size: read.number('expert_shared_feed_forward_length'), gated: true }
    return config('qwen2_moe', shape, { experts: { ...experts, shared } })
  },
  names: mixtureNames,
}

/** Qwen 3 with experts (arXiv:2505.09388). */
export const qwen3Moe: Architecture = {
  name: 'qwen3_moe',
  modelTypes: ['qwen3_moe'],
  ggufTypes: ['qwen3moe'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = mixtureShape(read, thirdMoe)
    return config('qwen3_moe', shape, { experts: expertsOf(read, 8), window: windows(read, shape) })
  },
  gguf(read, tensors) {
    const { shape, experts } = ggufMixture(read, ggufShape(read, thirdMoe, tensors), true)
    return config('qwen3_moe', shape, { experts })
  },
  names: mixtureNames,
}
