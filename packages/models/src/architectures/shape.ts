import { FormatError, type Rope, type RopeLayout } from '@tersor/core-tensor'
import { MAX_HEAD_DIM, MAX_HEADS, MAX_LAYERS } from '../decoder/bounds.ts'
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
  /** What layers may be, in families whose layers differ; `full` alone otherwise. */
  readonly layerTypes?: readonly LayerType[] | undefined
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
  const hiddenSize = read.count(HIDDEN)
  const heads = read.count(HEADS, undefined, MAX_HEADS)
  const headDim = read.count('head_dim', defaults.headDim ?? hiddenSize / heads, MAX_HEAD_DIM)
  const context = read.count(CONTEXT, defaults.contextLength)
  const rope =
    defaults.theta === undefined ? undefined : ropeFromHuggingFace(read, context, headDim, defaults)
  const kvHeads = defaults.kvHeads === 'heads' ? heads : defaults.kvHeads
  const layers = read.count(LAYERS, undefined, MAX_LAYERS)
  return {
    file: 'huggingFace',
    ...{ layers, hiddenSize, heads, headDim },
    innerSize: innerSizeIn(read, layers, defaults.fourfold === true ? 4 * hiddenSize : undefined),
    kvHeads:
      kvHeads === undefined ? heads : read.count(['num_key_value_heads', 'num_kv_heads'], kvHeads, MAX_HEADS),
    vocabSize: read.count('vocab_size'),
    contextLength: rope?.contextLength ?? context,
    epsilon: read.number(EPSILON, defaults.epsilon),
    activation: activationIn(read, defaults),
    tied: read.flag('tie_word_embeddings', defaults.tied),
    layerTypes: layerTypesIn(read, layers, defaults.layerTypes ?? ['full']),
    rope: (type, dim = headDim) => rope?.of(type, dim),
  }
}

/** What the keys that all architectures share say in the metadata of a GGUF, without the architecture's prefix. */
export function ggufShape(read: Fields, defaults: Defaults, tensors: GgufTensors): Shape {
  const hiddenSize = read.count('embedding_length')
  const heads = read.count('attention.head_count', undefined, MAX_HEADS)
  const headDim = read.count('attention.key_length', hiddenSize / heads, MAX_HEAD_DIM)
  read.only('attention.value_length', headDim)
  const layers = read.count('block_count', undefined, MAX_LAYERS)
  const context = read.count('context_length')
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
function innerSizeIn(read: Fields, layers: number, missing: number | undefined): number {
  const listed = INNER.find(key => Array.isArray(read.value(key)))
  const sizes = listed === undefined ? undefined : read.numbers(listed, layers)
  return sizes === undefined ? read.count(INNER, missing) : Math.max(...sizes)
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
  const given = ACTIVATION.filter(key => (read.value(key) ?? undefined) !== undefined)
  return given[0] === undefined ? activation : activationNamed(read.text(given[0]))
}

const LAYER_TYPES = new Map<unknown, LayerType>([
  ['full_attention', 'full'],
  ['sliding_attention', 'sliding'],
  ['linear_attention', 'linear'],
  ['conv', 'convolution'],
])

function layerTypesIn(
  read: Fields,
  layers: number,
  known: readonly LayerType[],
): readonly LayerType[] | undefined {
  const list = read.list('layer_types')
  if (list === undefined) return undefined
  const spellings = [...LAYER_TYPES].filter(([, type]) => known.includes(type)).map(([spelling]) => spelling)
  const strange = list.find(spelled => !spellings.includes(spelled))
  if (list.length === layers && strange === undefined) return list.map(spelled => LAYER_TYPES.get(spelled)!)
  throw read.unexpected('layer_types', `${layers} of ${spellings.join(', ')} as`, strange ?? list)
}
