import { architectureOf } from '../architectures/read-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { type Names, type Placed, placeOfRole, tensorsOfSource } from './sources.ts'

/**
 * What a weight is called where it is written: as in Hugging Face's files, where it is a tensor of its own there; else
 * its role. {@link openModel} reads either.
 *
 * @param role  of a weight or a bias
 * @example
 * const config = configFromHuggingFace({
 *   model_type: 'llama', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8,
 *   vocab_size: 16, max_position_embeddings: 32,
 * })
 * storedName(config, 'layers.0.attention.query') // => 'model.layers.0.self_attn.q_proj.weight'
 */
export function storedName(config: DecoderConfig, role: string): string {
  return nameIn(writtenNames(config), role)
}

/** How a family's tensors are called where they are written. */
export function writtenNames(config: DecoderConfig): Names {
  const { names, prefixes } = architectureOf(config)
  return names(config, 'huggingFace', prefixes[0] ?? '', () => false)
}

/** What a role is called among names, where it is a tensor of its own there; else the role itself. */
export function nameIn(names: Names, role: string): string {
  const isBias = role.endsWith('.bias')
  const placed = placeOfName(names, role)
  if (placed === undefined) return role
  const { source } = placed
  if (typeof source !== 'string' && !('tensor' in source)) return role
  return tensorsOfSource(placed, isBias ? 'bias' : 'weight')[0] ?? role
}

/** Where a weight or a bias lies; a bias may have a place of its own. */
export function placeOfName(names: Names, role: string): Placed | undefined {
  return (
    placeOfRole(names, role) ?? (role.endsWith('.bias') ? placeOfRole(names, role.slice(0, -5)) : undefined)
  )
}
