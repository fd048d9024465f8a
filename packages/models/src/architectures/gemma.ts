import type { Branch, DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, bothNorms, decoder, feedForward, preNorm } from './blocks.ts'
import type { Fields } from './fields.ts'
import { fourNorms, ggufRoles, llamaRoles, withoutOne } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type LayerType, type Shape } from './shape.ts'
import { everyNth, typesOf, windowOf } from './windows.ts'

const first: Defaults = {
  ...{ epsilon: 1e-6, kvHeads: 16, headDim: 256, tied: true, theta: 10000 },
  // Its files say `gelu` and mean the other one.
  ...{ activation: 'geluTanh', fixedActivation: true },
}
const second: Defaults = {
  ...{ ...first, kvHeads: 4, fixedActivation: false },
  layerTypes: ['full', 'sliding'],
}
const third: Defaults = { ...second, theta: 1e6, localTheta: 10000 }

/** What all Gemmas share: norms stored as distances from 1, and an embedding times √hidden. */
function gemmaConfig(
  name: string,
  shape: Shape,
  layerOf: (layer: number) => readonly Branch[],
  softcap?: number | undefined,
): DecoderConfig {
  const { hiddenSize, epsilon, tied } = shape
  return decoder(name, shape, layer => ({ branches: layerOf(layer) }), {
    norm: { kind: 'rms', epsilon, offset: 1 },
    embedding: { scale: Math.sqrt(hiddenSize) },
    head: { tied, softcap },
  })
}

/** What Gemma 2 and 3 say beside their shape. */
interface Own {
  readonly types: readonly LayerType[]
  readonly window: number | undefined
  readonly scale: number
  readonly attentionCap: number | undefined
  readonly logitCap: number | undefined
}

function laterConfig(name: 'gemma2' | 'gemma3', shape: Shape, own: Own): DecoderConfig {
  const { types, scale, attentionCap: softcap } = own
  const queryKeyNorm = name === 'gemma3' ? 'head' : undefined
  const layer = (at: number) => {
    const type = types[at]!
    const window = type === 'sliding' ? own.window : undefined
    return [
      bothNorms(attention(shape, { type, scale, window, softcap, queryKeyNorm })),
      bothNorms(feedForward(shape)),
    ]
  }
  return gemmaConfig(name, shape, layer, own.logitCap)
}

function fromHuggingFace(read: Fields, name: 'gemma2' | 'gemma3'): DecoderConfig {
  const [defaults, pattern, caps] =
    name === 'gemma2' ? ([second, 2, [50, 30]] as const) : ([third, 6, []] as const)
  const shape = huggingFaceShape(read, defaults)
  const every = read.count(['sliding_window_pattern', '_sliding_window_pattern'], pattern)
  // Both spellings may stand beside a list of layer types.
  read.skip('sliding_window_pattern')
  read.skip('_sliding_window_pattern')
  const cap = (key: string, missing: number | undefined) => (read.has(key) ? read.optional(key) : missing)
  return laterConfig(name, shape, {
    types: typesOf(shape, everyNth(shape.layers, every)),
    window: windowOf(read, 4096),
    scale: 1 / Math.sqrt(read.number('query_pre_attn_scalar', 256)),
    attentionCap: cap('attn_logit_softcapping', caps[0]),
    logitCap: cap('final_logit_softcapping', caps[1]),
  })
}

/** 27B is the one size whose attention is not scaled by the size of a head, which a GGUF does not say. */
const LARGEST = { gemma2: 46, gemma3: 62 }

function fromGguf(read: Fields, shape: Shape, name: 'gemma2' | 'gemma3'): DecoderConfig {
  const { layers, headDim, hiddenSize, heads } = shape
  const width = layers === LARGEST[name] ? hiddenSize / heads : headDim
  return laterConfig(name, shape, {
    types: everyNth(layers, name === 'gemma2' ? 2 : 6),
    window: read.optional('attention.sliding_window'),
    scale: 1 / Math.sqrt(width),
    attentionCap: read.optional('attn_logit_softcapping'),
    logitCap: read.optional('final_logit_softcapping'),
  })
}

const ggufNames = { roles: { ...ggufRoles, ...withoutOne(ggufRoles) } }

/** Gemma (Gemma Team, 2024, arXiv:2403.08295). */
export const gemma: Architecture = {
  name: 'gemma',
  modelTypes: ['gemma'],
  ggufTypes: ['gemma'],
  prefixes: ['model.', ''],
  huggingFace: read => oneNormEach(huggingFaceShape(read, first)),
  gguf: (read, tensors) => oneNormEach(ggufShape(read, first, tensors)),
  names: (_, file, prefix) => (file === 'gguf' ? ggufNames : { roles: llamaRoles(prefix) }),
}

function oneNormEach(shape: Shape): DecoderConfig {
  const branches = [preNorm(attention(shape)), preNorm(feedForward(shape))]
  return gemmaConfig('gemma', shape, () => branches)
}

function later(name: 'gemma2' | 'gemma3', modelTypes: readonly string[]): Architecture {
  return {
    name,
    modelTypes,
    ggufTypes: [name],
    prefixes: ['model.', '', 'language_model.model.', 'model.language_model.'],
    huggingFace: read => fromHuggingFace(read, name),
    gguf: (read, tensors) =>
      fromGguf(read, ggufShape(read, name === 'gemma2' ? second : third, tensors), name),
    names: (_, file, prefix) =>
      file === 'gguf' ? ggufNames : { roles: { ...llamaRoles(prefix), ...fourNorms(prefix) } },
  }
}

/** Gemma 2 (Gemma Team, 2024, arXiv:2408.00118): windows in every other layer, capped scores and logits. */
export const gemma2: Architecture = /* @__PURE__ */ later('gemma2', ['gemma2'])

/** Gemma 3's language model (Gemma Team, 2025, arXiv:2503.19786): five layers with a window for one without, norms of q and k. */
export const gemma3: Architecture = /* @__PURE__ */ later('gemma3', ['gemma3_text'])
