import type { Attention, Json } from '@tersor/core-tensor'
import { exp, log } from '@tersor/core-tensor/portable-math'
import type { DecoderConfig, FeedForward } from '../decoder/config.ts'
import { ropeFrequencies } from '../decoder/rope.ts'

/** Families whose configuration is no more than sizes, a base of rotation and whether the head is the embedding. */
const PLAIN = new Set(['llama', 'qwen2', 'qwen3'])

/** How far a base that is found from frequencies may be off. */
const NEAR = 1e-9

/**
 * The keys of a config.json by which other programs read a model that came from another format. Undefined for families and
 * rotations that sizes and a base do not describe.
 */
export function huggingFaceKeys(config: DecoderConfig): Record<string, Json> | undefined {
  const { architecture, mixers, layers, head, norm } = config
  const [mixer] = mixers
  const network = layers[0]?.branches.map(({ op }) => op).find(op => op.kind === 'feedForward')
  const alike = mixers.every(each => JSON.stringify(each) === JSON.stringify(mixer))
  if (!PLAIN.has(architecture) || !alike || mixer?.kind !== 'attention') return undefined
  const theta = baseOf(mixer)
  if (theta === undefined || network?.kind !== 'feedForward' || !isPlain(network)) return undefined
  return {
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: network.size,
    num_hidden_layers: layers.length,
    num_attention_heads: mixer.heads,
    num_key_value_heads: mixer.kvHeads,
    head_dim: mixer.headDim,
    hidden_act: 'silu',
    max_position_embeddings: config.contextLength,
    rms_norm_eps: norm.epsilon,
    rope_theta: theta,
    tie_word_embeddings: head?.tied === true,
  }
}

function isPlain({ activation, experts, gated }: FeedForward): boolean {
  return activation === 'silu' && gated && experts === undefined
}

/** The base of a rotation that is scaled by nothing; a whole number, where it is one but for rounding. */
function baseOf({ rope, headDim, scale, window }: Attention): number | undefined {
  const second = rope?.frequencies[1]
  if (rope === undefined || second === undefined || rope.layout !== 'half' || window !== undefined)
    return undefined
  if (rope.scale !== undefined || rope.beyond !== undefined || scale !== 1 / Math.sqrt(headDim))
    return undefined
  const exact = exp((-log(second) * headDim) / 2)
  const base = Math.abs(exact - Math.round(exact)) < NEAR * exact ? Math.round(exact) : exact
  const expected = ropeFrequencies(headDim, base)
  const isBase = rope.frequencies.every((each, i) => Math.abs(each - expected[i]!) <= NEAR * each)
  return isBase && rope.frequencies.length === expected.length ? base : undefined
}
