import { FormatError, type Rope, type RopeLayout } from '@tersor/core-tensor'
import type { Activation } from '../decoder/config.ts'
import { activationNamed } from './activations.ts'
import type { Fields } from './fields.ts'
import { ropeFromGguf, ropeFromHuggingFace } from './rope.ts'

export type LayerType = 'full' | 'sliding' | 'linear' | 'convolution'

/** The numbers that both dialects of config.json and GGUF say, in one vocabulary; families add their own. */
export interface Shape {
  readonly file: 'huggingFace' | 'gguf'
  readonly layers: number
  readonly hiddenSize: number
  readonly innerSize: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly vocabSize: number
  readonly contextLength: number
  readonly epsilon: number
  readonly activation: Activation
  readonly tied: boolean
  /** What each layer is, where the file lists it. */
  readonly layerTypes: readonly LayerType[] | undefined
  /** How a layer turns queries and keys; undefined in families that do not turn. */
  rope(type?: LayerType, headDim?: number): Rope | undefined
}

/** Of keys that a file leaves out, and of what a file never says. Sizes have none: they are required. */
export interface Defaults {
  readonly epsilon: number
  /** `heads`: as many as there are of queries. None where the family has no such key. */
  readonly kvHeads?: number | 'heads' | undefined
  /** hidden / heads without. */
  readonly headDim?: number | undefined
  readonly tied: boolean
  readonly activation: Activation
  /** The activation is this one whatever the file says. */
  readonly fixedActivation?: boolean | undefined
  /** Rope's base; without one the family does not turn. */
  readonly theta?: number | undefined
  /** Of layers with a window, where theirs differs. */
  readonly localTheta?: number | undefined
  /** The share of a head that turns, in families that say it. */
  readonly rotatedPart?: number | undefined
  readonly layout?: RopeLayout | undefined
  /** The trained length of stretched contexts, where a file does not say it. */
  readonly originalLength?: number | undefined
  /** Whether YaRN rounds the range that it mixes, which a GGUF does not say. */
  readonly yarnTruncates?: boolean | undefined
  /** The inner size is four times the hidden one where it is left out. */
  readonly fourfold?: boolean | undefined
  /** Of families whose files leave it out. */
  readonly contextLength?: number | undefined
}

/** Of the tensors of a GGUF: what configurations need to know. */
export interface GgufTensors {
  dims(name: string): readonly number[] | undefined
  /** The values of a small one that is read with the metadata. */
  numbers(name: string): readonly number[] | undefined
}

const HIDDEN = ['hidden_size', 'n_embd', 'n_embed']
const LAYERS = ['num_hidden_layers', 'n_layer', 'num_layers']
const HEADS = ['num_attention_heads', 'n_head']
const INNER = ['intermediate_size', 'n_inner', 'ffn_dim', 'ffn_hidden_size']
const CONTEXT = ['max_position_embeddings', 'n_positions']
const EPSILON = ['rms_norm_eps', 'layer_norm_eps', 'layer_norm_epsilon', 'norm_eps', 'norm_epsilon']
const ACTIVATION = ['hidden_activation', 'hidden_act', 'activation_function', 'activation']

/** What the keys that all families share say in config.json. */
export function huggingFaceShape(read: Fields, defaults: Defaults): Shape {
  const hiddenSize = read.number(HIDDEN)
  const heads = read.number(HEADS)
  const headDim = read.number('head_dim', defaults.headDim ?? hiddenSize / heads)
  const context = read.number(CONTEXT, defaults.contextLength)
  const rope =
    defaults.theta === undefined ? undefined : ropeFromHuggingFace(read, context, headDim, defaults)
  const kvHeads = defaults.kvHeads === 'heads' ? heads : defaults.kvHeads
  const layers = read.number(LAYERS)
  return {
    file: 'huggingFace',
    ...{ layers, hiddenSize, heads, headDim },
    innerSize: innerSizeIn(read, defaults.fourfold === true ? 4 * hiddenSize : undefined),
    kvHeads: kvHeads === undefined ? heads : read.number(['num_key_value_heads', 'num_kv_heads'], kvHeads),
    vocabSize: read.number('vocab_size'),
    contextLength: rope?.contextLength ?? context,
    epsilon: read.number(EPSILON, defaults.epsilon),
    activation: activationIn(read, defaults),
    tied: read.flag('tie_word_embeddings', defaults.tied),
    layerTypes: layerTypesIn(read, layers),
    rope: (type, dim = headDim) => rope?.of(type, dim),
  }
}

/** What the keys that all architectures share say in the metadata of a GGUF, without the architecture's prefix. */
export function ggufShape(read: Fields, defaults: Defaults, tensors: GgufTensors): Shape {
  const hiddenSize = read.number('embedding_length')
  const heads = read.number('attention.head_count')
  const headDim = read.number('attention.key_length', hiddenSize / heads)
  read.only('attention.value_length', headDim)
  const layers = read.number('block_count')
  const context = read.number('context_length')
  const rope = ropeFromGguf(read, context, defaults, tensors)
  read.skip('vocab_size', 'tensor_data_layout', 'rope.dimension_sections', 'full_attention_interval')
  const vocabulary = tensors.dims('token_embd.weight')
  if (vocabulary === undefined)
    throw new FormatError("[models/gguf] expected a tensor 'token_embd.weight', got none")
  return {
    file: 'gguf',
    ...{ layers, hiddenSize, heads, headDim },
    contextLength: Math.max(context, defaults.contextLength ?? 0),
    innerSize: Math.max(...eachLayer(read, 'feed_forward_length', layers)),
    kvHeads: Math.max(...eachLayer(read, 'attention.head_count_kv', layers, heads)),
    vocabSize: vocabulary[0]!,
    epsilon: epsilonIn(read, defaults),
    activation: defaults.activation,
    tied: tensors.dims('output.weight') === undefined,
    layerTypes: undefined,
    rope: (type, dim = headDim) => (defaults.theta === undefined ? undefined : rope(type, dim)),
  }
}

/** A number for each layer, where a file may give one for all. */
export function eachLayer(read: Fields, key: string, layers: number, missing?: number): readonly number[] {
  const value = read.value(key)
  if (value !== undefined && typeof value !== 'number') {
    const numbers = read.numbers(key, layers)
    if (numbers !== undefined) return numbers
  }
  return new Array<number>(layers).fill(read.number(key, missing))
}

/** The largest, where layers differ. */
function innerSizeIn(read: Fields, missing: number | undefined): number {
  const value = read.value(...INNER)
  const list = Array.isArray(value) ? value.map(Number) : undefined
  return list === undefined ? read.number(INNER, missing) : Math.max(...list)
}

function epsilonIn(read: Fields, { epsilon }: Defaults): number {
  // Nemotron has both, equal.
  const other = read.optional('attention.layer_norm_epsilon')
  return read.number('attention.layer_norm_rms_epsilon', other ?? epsilon)
}

function activationIn(read: Fields, { activation, fixedActivation }: Defaults): Activation {
  if (fixedActivation === true) {
    read.skip(...ACTIVATION)
    return activation
  }
  const given = ACTIVATION.map(key => read.value(key)).find(value => value !== undefined && value !== null)
  return given === undefined ? activation : activationNamed(String(given))
}

const LAYER_TYPES = new Map<unknown, LayerType>([
  ['full_attention', 'full'],
  ['sliding_attention', 'sliding'],
  ['linear_attention', 'linear'],
  ['conv', 'convolution'],
])

function layerTypesIn(read: Fields, layers: number): readonly LayerType[] | undefined {
  const list = read.list('layer_types')
  if (list === undefined) return undefined
  const types = list.map(spelled => LAYER_TYPES.get(spelled))
  if (types.length === layers && types.every(type => type !== undefined)) return types as LayerType[]
  throw read.unexpected('layer_types', `${layers} of ${[...LAYER_TYPES.keys()].join(', ')}`, list)
}
