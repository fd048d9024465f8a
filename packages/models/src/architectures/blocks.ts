import type { Attention, Mixer } from '@tersor/core-tensor'
import { isMixer } from '../decoder/check-config.ts'
import type { Branch, DecoderConfig, FeedForward, LayerConfig } from '../decoder/config.ts'
import type { LayerType, Shape } from './shape.ts'

/** The attention of most families, with what one has of its own. */
export function attention(
  shape: Shape,
  { type, ...own }: Partial<Attention> & { type?: LayerType | undefined } = {},
): Attention {
  const { heads, kvHeads } = shape
  const headDim = own.headDim ?? shape.headDim
  const base = { heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim) }
  const rope = shape.rope(type, headDim)
  return { kind: 'attention', ...base, ...(rope && { rope }), ...own }
}

/** The gated feed-forward layer of most families. */
export function feedForward(shape: Shape, own: Partial<FeedForward> = {}): FeedForward {
  const { innerSize: size, activation } = shape
  return { kind: 'feedForward', size, activation, gated: true, ...own }
}

/** A branch with a norm before it. */
export function preNorm(op: Branch['op'], own: Partial<Branch> = {}): Branch {
  return { op, norms: ['before'], ...own }
}

/** A branch with a norm behind it. */
export function postNorm(op: Branch['op']): Branch {
  return { op, norms: ['after'] }
}

/** A branch with a norm before and one behind it. */
export function bothNorms(op: Branch['op']): Branch {
  return { op, norms: ['before', 'after'] }
}

/** A model of such layers, with the norm and the head of most families. */
export function decoder(
  architecture: string,
  shape: Shape,
  layerOf: (layer: number) => LayerConfig,
  own: Partial<DecoderConfig> = {},
): DecoderConfig {
  const { vocabSize, contextLength, hiddenSize, epsilon, tied } = shape
  const layers = Array.from({ length: shape.layers }, (_, layer) => layerOf(layer))
  return {
    ...{ architecture, vocabSize, contextLength, hiddenSize },
    mixers: layers.map(mixerOf),
    norm: { kind: 'rms', epsilon },
    embedding: {},
    layers,
    finalNorm: true,
    head: { tied },
    ...own,
  }
}

function mixerOf({ branches }: LayerConfig): Mixer {
  const mixer = branches.map(({ op }) => op).find(op => isMixer(op))
  return mixer as Mixer
}
