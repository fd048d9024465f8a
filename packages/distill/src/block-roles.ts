import { inLayer } from '@tersor/models'
import type { LlamaShape } from './llama-shape.ts'

/** What the weights of a block are called; a mixture of experts has `router` and {@link networkRoles}. */
export function blockRoles(layer: number) {
  const role = (name: string) => inLayer(layer, name)
  return {
    attentionNorm: role('attention.before'),
    query: role('attention.query'),
    key: role('attention.key'),
    value: role('attention.value'),
    output: role('attention.output'),
    feedForwardNorm: role('feedForward.before'),
    ...networkOf(role('feedForward')),
    router: role('feedForward.router'),
  } as const
}

/** The weights of a block's experts, one after the other. */
export function networkRoles(layer: number, { experts = 0 }: LlamaShape) {
  return Array.from({ length: experts }, (_, expert) =>
    networkOf(inLayer(layer, `feedForward.experts.${expert}`)),
  )
}

function networkOf(prefix: string) {
  return { gate: `${prefix}.gate`, up: `${prefix}.up`, down: `${prefix}.down` } as const
}
