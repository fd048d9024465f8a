import type { Source } from '../files/sources.ts'
import type { LayerType } from './shape.ts'

type Roles = { readonly [role: string]: Source }

/** What Gemma 3n and 4 call the embeddings that each layer has. */
export function perLayerRoles(prefix: string): Roles {
  const layer = `${prefix}layers.{layer}`
  return {
    'perLayer.embedding': `${prefix}embed_tokens_per_layer`,
    'perLayer.projection': `${prefix}per_layer_model_projection`,
    'perLayer.norm': `${prefix}per_layer_projection_norm`,
    'layer.perLayer.gate': `${layer}.per_layer_input_gate`,
    'layer.perLayer.output': `${layer}.per_layer_projection`,
    'layer.perLayer.after': `${layer}.post_per_layer_input_norm`,
  }
}

/** The last layer with keys of its own and of the same type, for the last layers, which have none; undefined before them. */
export function sharedKeys(
  types: readonly LayerType[],
  shared: number,
): (layer: number) => number | undefined {
  const first = types.length - shared
  return layer => (layer < first ? undefined : types.lastIndexOf(types[layer]!, first - 1))
}
