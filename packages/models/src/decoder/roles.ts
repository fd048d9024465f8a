import type { Attention, Convolution, DeltaNet } from '@tersor/core-tensor'
import type { Branch, DecoderConfig, FeedForward, Operation } from './config.ts'

/** The table of tokens. */
export const EMBEDDING = 'embedding.tokens'
/** The norm behind the last layer. */
export const FINAL_NORM = 'norm'
/** What makes logits, where it is not the table of tokens. */
export const HEAD = 'head'

/** What a weight of a block is called: `layers.3.attention.query`. */
export function inLayer(layer: number, role: string): string {
  return `layers.${layer}.${role}`
}

/** What is added to a role's product, where a file has it. */
export function biasOf(role: string): string {
  return `${role}.bias`
}

/**
 * Whether a weight chooses experts: small, and worth more bits than the rest, as each of its errors may
 * send tokens to other experts.
 *
 * @example
 * isRouter('layers.0.feedForward.router') // => true
 */
export function isRouter(name: string): boolean {
  return name.endsWith('.router')
}

/**
 * Whether a weight is read by rows and not multiplied: a table of tokens, positions or token types. It may be the head too.
 *
 * @example
 * isTable('embedding.positions') // => true
 */
export function isTable(name: string): boolean {
  return /^(embedding\.(tokens|positions|types)|perLayer\.embedding)$/.test(name)
}

/**
 * Every weight that a model has to have, by its role, with its shape: (out, in) for matrices. Biases are what a file has
 * beside: `biasShapes`.
 *
 * @example
 * const config = configFromHuggingFace({
 *   model_type: 'llama', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8,
 *   vocab_size: 16, max_position_embeddings: 32,
 * })
 * weightShapes(config).get('layers.0.feedForward.down') // => [8, 8]
 */
export function weightShapes(config: DecoderConfig): ReadonlyMap<string, readonly number[]> {
  return new Map([...shapes(config)].map(([name, { dims }]) => [name, dims]))
}

/** The biases that a file may have, by their role, with their shapes. */
export function biasShapes(config: DecoderConfig): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, readonly number[]>()
  for (const [name, { dims, bias }] of shapes(config)) if (bias) found.set(biasOf(name), [dims[0]!])
  return found
}

/** The weights whose inputs calibration sees: the linear layers of the blocks, and a head of its own. */
export function calibratedWeights(config: DecoderConfig): ReadonlySet<string> {
  const blocks = config.layers.flatMap((_, layer) => blockWeights(config, layer))
  return new Set(config.head?.tied === false ? [...blocks, HEAD] : blocks)
}

/** The linear layers of a block, in the order of the forward pass. */
export function blockWeights(config: DecoderConfig, layer: number): readonly string[] {
  const roles = layerShapes(config, layer)
  return roles.filter(([, { linear }]) => linear).map(([role]) => inLayer(layer, role))
}

interface Role {
  readonly dims: readonly number[]
  /** Whether a file may have a bias beside it. */
  readonly bias: boolean
  /** Whether activations are multiplied by it. */
  readonly linear: boolean
}

type Roles = [role: string, Role][]

const matrix = (...dims: number[]): Role => ({ dims, bias: true, linear: true })
const table = (...dims: number[]): Role => ({ dims, bias: false, linear: false })

function shapes(config: DecoderConfig): ReadonlyMap<string, Role> {
  const { vocabSize, hiddenSize: d, embedding, head, perLayer, streams } = config
  const layers = config.layers.length
  const found: Roles = [[EMBEDDING, table(vocabSize, d)]]
  if (embedding.positions !== undefined)
    found.push(['embedding.positions', table(config.contextLength + embedding.positions, d)])
  if (embedding.types !== undefined) found.push(['embedding.types', table(embedding.types, d)])
  if (embedding.norm === true) found.push(['embedding.norm', norm(config)])
  if (perLayer !== undefined) {
    found.push(['perLayer.embedding', table(perLayer.vocabSize, layers * perLayer.size)])
    found.push(['perLayer.projection', { ...matrix(layers * perLayer.size, d), bias: false }])
    found.push(['perLayer.norm', table(perLayer.size)])
  }
  for (let stream = 1; stream < (streams?.count ?? 1); stream++) {
    found.push([`streams.spread.${stream}`, { ...matrix(d, d), bias: false }])
    found.push([`streams.gather.${stream}`, { ...matrix(d, d), bias: false }])
  }
  for (let layer = 0; layer < layers; layer++) {
    for (const [role, shape] of layerShapes(config, layer)) found.push([inLayer(layer, role), shape])
  }
  if (config.finalNorm) found.push([FINAL_NORM, norm(config)])
  if (head !== undefined && !head.tied) found.push([HEAD, matrix(vocabSize, d)])
  return new Map(found)
}

function layerShapes(config: DecoderConfig, layer: number): Roles {
  const { branches, scaled } = config.layers[layer]!
  const roles = branches.flatMap(branch => branchShapes(branch, config))
  if (config.streams !== undefined) roles.push(...streamShapes(config, config.streams.count))
  if (scaled === true) roles.push(['scale', table(1)])
  return roles
}

function branchShapes({ op, norms }: Branch, config: DecoderConfig): Roles {
  const around = (when: 'before' | 'after' | 'sum'): Roles =>
    norms.includes(when) ? [[`${op.kind}.${when}`, norm(config)]] : []
  const own = operationShapes(op, config).map(([role, shape]): Roles[number] => [`${op.kind}.${role}`, shape])
  return [...around('before'), ...own, ...around('after'), ...around('sum')]
}

function operationShapes(op: Operation, config: DecoderConfig): Roles {
  const { hiddenSize: d } = config
  if (op.kind === 'attention') return attentionShapes(op, d)
  if (op.kind === 'convolution') return convolutionShapes(op, d)
  if (op.kind === 'delta') return deltaShapes(op, d)
  if (op.kind === 'feedForward') return feedForwardShapes(op, d)
  if (op.kind === 'lowRank') {
    return [
      ['left', matrix(op.rank, d)],
      ['right', matrix(d, op.rank)],
      ['norm', norm(config)],
    ]
  }
  const size = config.perLayer!.size
  return [
    ['gate', matrix(size, d)],
    ['output', matrix(d, size)],
  ]
}

function attentionShapes(op: Attention, d: number): Roles {
  const { heads, kvHeads, headDim, queryKeyNorm } = op
  const roles: Roles = [['query', matrix(heads * headDim, d)]]
  const owns = op.keysOf === undefined
  if (owns) roles.push(['key', matrix(kvHeads * headDim, d)], ['value', matrix(kvHeads * headDim, d)])
  if (op.gated === true) roles.push(['gate', matrix(heads * headDim, d)])
  if (queryKeyNorm !== undefined) {
    const width = (count: number) => (queryKeyNorm === 'head' ? headDim : count * headDim)
    roles.push(['queryNorm', table(width(heads))])
    if (owns) roles.push(['keyNorm', table(width(kvHeads))])
  }
  if (op.sinks === true) roles.push(['sinks', table(heads)])
  roles.push(['output', matrix(d, heads * headDim)])
  return roles
}

function convolutionShapes({ channels, kernel }: Convolution, d: number): Roles {
  return [
    ['input', matrix(3 * channels, d)],
    ['kernel', { ...table(channels, kernel), bias: true }],
    ['output', matrix(d, channels)],
  ]
}

function deltaShapes({ heads, keyHeads, keyDim, valueDim, kernel }: DeltaNet, d: number): Roles {
  const channels = 2 * keyHeads * keyDim + heads * valueDim
  return [
    ['queryKeyValue', matrix(channels, d)],
    ['kernel', table(channels, kernel)],
    ['gate', matrix(heads * valueDim, d)],
    ['write', matrix(heads, d)],
    ['step', matrix(heads, d)],
    ['stepBias', table(heads)],
    ['decay', table(heads)],
    ['norm', table(valueDim)],
    ['output', matrix(d, heads * valueDim)],
  ]
}

function feedForwardShapes({ size, gated, experts }: FeedForward, d: number): Roles {
  const network = (prefix: string, width: number): Roles => [
    ...(gated ? ([[`${prefix}gate`, matrix(width, d)]] as Roles) : []),
    [`${prefix}up`, matrix(width, d)],
    [`${prefix}down`, matrix(d, width)],
  ]
  if (experts === undefined) return network('', size)
  const roles: Roles = [['router', matrix(experts.count, d)]]
  for (let expert = 0; expert < experts.count; expert++) roles.push(...network(`experts.${expert}.`, size))
  if (experts.shared !== undefined) {
    roles.push(...network('shared.', experts.shared.size))
    if (experts.shared.gated) roles.push(['shared.router', matrix(1, d)])
  }
  return roles
}

function streamShapes({ hiddenSize: d }: DecoderConfig, count: number): Roles {
  return [
    ['streams.norm', table(d)],
    ['streams.router', { ...matrix(count, d), bias: false }],
    ['streams.predict', { ...table(count * count, count) }],
    ['streams.correct', { ...table(count, count) }],
    ['streams.scale', table(d)],
  ]
}

function norm({ hiddenSize, norm: { kind } }: DecoderConfig): Role {
  return { ...table(hiddenSize), bias: kind === 'layer' }
}
