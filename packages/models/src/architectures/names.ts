import type { DecoderConfig } from '../decoder/config.ts'
import type { Source } from '../files/sources.ts'

type Roles = { readonly [role: string]: Source }

/** What most families call their tensors in Hugging Face's files. */
export function llamaRoles(prefix = 'model.'): Roles {
  const layer = `${prefix}layers.{layer}`
  return {
    'embedding.tokens': `${prefix}embed_tokens`,
    norm: `${prefix}norm`,
    // Beside the language model, or a part of it.
    head: prefix.startsWith('language_model.') ? 'language_model.lm_head' : 'lm_head',
    'attention.before': `${layer}.input_layernorm`,
    'attention.query': `${layer}.self_attn.q_proj`,
    'attention.key': `${layer}.self_attn.k_proj`,
    'attention.value': `${layer}.self_attn.v_proj`,
    'attention.output': `${layer}.self_attn.o_proj`,
    'attention.queryNorm': `${layer}.self_attn.q_norm`,
    'attention.keyNorm': `${layer}.self_attn.k_norm`,
    'feedForward.before': `${layer}.post_attention_layernorm`,
    'feedForward.gate': `${layer}.mlp.gate_proj`,
    'feedForward.up': `${layer}.mlp.up_proj`,
    'feedForward.down': `${layer}.mlp.down_proj`,
  }
}

/** What families with four norms a layer call them. */
export function fourNorms(prefix = 'model.'): Roles {
  const layer = `${prefix}layers.{layer}`
  return {
    'attention.after': `${layer}.post_attention_layernorm`,
    'feedForward.before': `${layer}.pre_feedforward_layernorm`,
    'feedForward.after': `${layer}.post_feedforward_layernorm`,
  }
}

/** What llama.cpp calls tensors, in all architectures but for what a family says otherwise. */
export const ggufRoles: Roles = {
  'embedding.tokens': 'token_embd',
  'embedding.positions': 'position_embd',
  'embedding.types': 'token_types',
  'embedding.norm': 'token_embd_norm',
  norm: 'output_norm',
  head: 'output',
  'attention.before': 'blk.{layer}.attn_norm',
  'attention.query': 'blk.{layer}.attn_q',
  'attention.key': 'blk.{layer}.attn_k',
  'attention.value': 'blk.{layer}.attn_v',
  'attention.output': 'blk.{layer}.attn_output',
  'attention.queryNorm': 'blk.{layer}.attn_q_norm',
  'attention.keyNorm': 'blk.{layer}.attn_k_norm',
  'attention.sinks': { tensor: 'blk.{layer}.attn_sinks.weight' },
  'attention.after': 'blk.{layer}.post_attention_norm',
  'feedForward.before': 'blk.{layer}.ffn_norm',
  'feedForward.after': 'blk.{layer}.post_ffw_norm',
  'feedForward.gate': 'blk.{layer}.ffn_gate',
  'feedForward.up': 'blk.{layer}.ffn_up',
  'feedForward.down': 'blk.{layer}.ffn_down',
  'feedForward.router': 'blk.{layer}.ffn_gate_inp',
  'feedForward.experts.gate': { expert: 'blk.{layer}.ffn_gate_exps' },
  'feedForward.experts.up': { expert: 'blk.{layer}.ffn_up_exps' },
  'feedForward.experts.down': { expert: 'blk.{layer}.ffn_down_exps' },
  'feedForward.shared.gate': 'blk.{layer}.ffn_gate_shexp',
  'feedForward.shared.up': 'blk.{layer}.ffn_up_shexp',
  'feedForward.shared.down': 'blk.{layer}.ffn_down_shexp',
  'feedForward.shared.router': 'blk.{layer}.ffn_gate_inp_shexp',
}

/** Queries, keys and values that lie below each other in one matrix: heads, then those of keys, then of values. */
export function fusedHeads(of: Source, { heads, kvHeads }: { heads: number; kvHeads: number }): Roles {
  const parts = heads + 2 * kvHeads
  return {
    'attention.query': { rows: of, parts, from: 0, to: heads },
    'attention.key': { rows: of, parts, from: heads, to: heads + kvHeads },
    'attention.value': { rows: of, parts, from: heads + kvHeads, to: parts },
  }
}

/** The same side by side for each of some groups of heads: its queries, then a key and a value head. */
export function groupedHeads(of: Source, { heads, kvHeads }: { heads: number; kvHeads: number }): Roles {
  const parts = heads / kvHeads + 2
  return {
    'attention.query': { rows: of, groups: kvHeads, parts, from: 0, to: parts - 2 },
    'attention.key': { rows: of, groups: kvHeads, parts, from: parts - 2 },
    'attention.value': { rows: of, groups: kvHeads, parts, from: parts - 1 },
  }
}

/** Gate and up below each other in one matrix. */
export function fusedGate(of: Source): Roles {
  return {
    'feedForward.gate': { rows: of, parts: 2, from: 0 },
    'feedForward.up': { rows: of, parts: 2, from: 1 },
  }
}

/** What llama.cpp's converter turned so that neighbouring pairs rotate. */
export function interleavedHeads(config: DecoderConfig): Roles {
  const { headDim } = headsOf(config)
  return {
    'attention.query': { interleaved: 'blk.{layer}.attn_q', headDim },
    'attention.key': { interleaved: 'blk.{layer}.attn_k', headDim },
  }
}

/** Norms to which the converter added the 1 that the family means. */
export function withoutOne(roles: Roles): Roles {
  const norms = Object.entries(roles).filter(([role]) =>
    /^norm$|\.(before|after|queryNorm|keyNorm)$/.test(role),
  )
  return Object.fromEntries(norms.map(([role, source]) => [role, { minusOne: source }]))
}

/** The heads of a model, in families where all layers with attention have the same. */
export function headsOf({ mixers }: DecoderConfig): { heads: number; kvHeads: number; headDim: number } {
  const mixer = mixers.find(({ kind }) => kind === 'attention')
  return mixer?.kind === 'attention' ? mixer : { heads: 1, kvHeads: 1, headDim: 1 }
}
