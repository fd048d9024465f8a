import { EMBEDDING, HEAD, isRouter, isTable } from '@tersor/models'

/**
 * The weights of a model that are small next to what hangs on them: tables of tokens and positions, what patches and
 * sounds enter by, heads, and routers between experts.
 *
 * They are found by their roles where the model is understood, else by what they are called in Hugging Face's files, llama.cpp's
 * and timm's. Of a name only the last two parts count, so that `embedder.layers.0.…` is a layer like any other.
 *
 * @param names  all weights of the model
 */
export function delicateWeights(names: readonly string[]): readonly string[] {
  if (names.includes(EMBEDDING)) return names.filter(name => isTable(name) || name === HEAD || isRouter(name))
  return names.filter(name => isCalledSo(name, names))
}

/** `embed_tokens`, `word_embeddings`, `patch_embed`, `token_embd`, `pos_embed`, `emb`, … */
const EMBEDS = /(^|_)(embed|embeds|embedding|embeddings|embd|emb)(_|$)/

/** Tables that are not called so: GPT-2's, T5's, llama.cpp's. */
const TABLES = /^(wte|wpe|shared|token_types)$/

const HEADS = /^(lm_head|head|classifier|score)$/

/** Heads by these names are alone in a file; in layers they are something else. */
const HEADS_ALONE = /^(output|proj_out|fc)$/

const ROUTERS = /^(router|ffn_gate_inp)$/

/** Vectors beside them are rounded by no method, and are no part of a rule. */
const VECTORS = /(^|_|\.)(bias|norm|layernorm|ln)(_|\.|$)/i

function isCalledSo(name: string, names: readonly string[]): boolean {
  if (VECTORS.test(name.split('.').slice(-2).join('.'))) return false
  const parts = name.replace(/\.weight$/, '').split('.')
  const last = parts.at(-1)!
  return (
    parts.slice(-2).some(part => EMBEDS.test(part)) ||
    TABLES.test(last) ||
    HEADS.test(last) ||
    (parts.length === 1 && HEADS_ALONE.test(last)) ||
    ROUTERS.test(last) ||
    (last === 'gate' && hasExperts(parts.slice(0, -1).join('.'), names))
  )
}

/** A gate beside experts chooses between them; other gates are matrices like any. */
function hasExperts(module: string, names: readonly string[]): boolean {
  return names.some(name => name.startsWith(`${module}.experts.`))
}
