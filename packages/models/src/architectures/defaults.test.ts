import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FormatError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace } from '../index.ts'
import { Golden, goldenRoot, hasGoldens } from '../testing/golden.ts'

type Json = Record<string, unknown>

/** Sizes, which a model has to say: no default of a larger model is taken for them. */
const SIZES =
  /^(vocab_size|hidden_size|n_embd|intermediate_size|n_inner|n_layer|n_head|num_(hidden_layers|attention_heads|experts|local_experts)|max_position_embeddings|n_positions|vocab_size_per_layer_input|(moe_|shared_expert_)intermediate_size|linear_.*|layer_types|per_layer_config|activation_sparsity_pattern|full_attn_idxs)$/

/** Keys that say the same under another name in the dialect at hand, or follow from others. */
const ELSEWHERE = /^(rope_parameters|no_rope_layers|model_type|pad_token_id|tokenizer_class)$/

const defaults: Record<string, Json> = hasGoldens
  ? // The reference writes Infinity, which is no JSON.
    JSON.parse(readFileSync(join(goldenRoot, 'config-defaults.json'), 'utf8').replaceAll('Infinity', 'null'))
  : {}

const folders = hasGoldens
  ? readdirSync(goldenRoot, { withFileTypes: true }).filter(
      each => each.isDirectory() && each.name !== 'make',
    )
  : []

describe.skipIf(!hasGoldens)('a key that is left out', () => {
  for (const { name } of folders) {
    const config = new Golden(name).json('config.json')
    const known = defaults[String(config.model_type)] ?? {}
    const keys = Object.keys(known).filter(key => !key.startsWith('_') && !ELSEWHERE.test(key))

    it(`means what the reference takes, in ${name}`, () => {
      for (const key of keys) {
        const { [key]: _, ...without } = config
        if (SIZES.test(key)) continue
        const stated = outcome({ ...config, [key]: defaultOf(known, key, config) })
        expect(outcome(without), key).toEqual(stated)
      }
    })

    it(`is required where it is a size, in ${name}`, () => {
      for (const key of [
        'vocab_size',
        'num_hidden_layers',
        'n_layer',
        'hidden_size',
        'n_embd',
        'num_attention_heads',
      ]) {
        if (!(key in config)) continue
        const { [key]: _, ...without } = config
        expect(() => configFromHuggingFace(without), key).toThrow(FormatError)
      }
    })
  }
})

/** A configuration, or why the default of a large model does not fit this small one. */
function outcome(json: Json): unknown {
  try {
    return configFromHuggingFace(json)
  } catch (error) {
    return String(error)
  }
}

/** What follows from other sizes follows from those of the model at hand. */
function defaultOf(known: Json, key: string, config: Json): unknown {
  const derived = known._derived_from_hidden_size_or_num_attention_heads
  if (!Array.isArray(derived) || !derived.includes(key)) return known[key]
  const [hidden, heads] = [config.hidden_size ?? config.n_embd, config.num_attention_heads ?? config.n_head]
  if (key === 'ffn_hidden_size') return 4 * Number(hidden)
  return key === 'head_dim' ? Number(hidden) / Number(heads) : heads
}
