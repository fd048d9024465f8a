import {
  type Attention,
  type DeltaNet,
  FormatError,
  type Mixer,
  type Rope,
  ShapeError,
} from '@tersor/core-tensor'
import { checkPooling } from '../encoder/pooling.ts'
import { MAX_ALL_EXPERTS, MAX_DIMENSION, MAX_EXPERTS, MAX_HEAD_DIM, MAX_HEADS, MAX_LAYERS } from './bounds.ts'
import type { Branch, DecoderConfig, FeedForward, LayerConfig, Operation } from './config.ts'

/**
 * Throws unless the numbers of a configuration are in range and fit each other.
 *
 * @throws {FormatError} naming the field
 */
export function checkConfig(config: DecoderConfig): DecoderConfig {
  const {
    vocabSize,
    contextLength,
    hiddenSize,
    layers,
    mixers,
    norm,
    embedding,
    head,
    perLayer,
    pooling,
    streams,
  } = config
  whole('vocabSize', vocabSize)
  whole('contextLength', contextLength)
  whole('hiddenSize', hiddenSize)
  whole('layers', layers.length, MAX_LAYERS)
  if (perLayer !== undefined) {
    whole('perLayer.size', perLayer.size)
    whole('perLayer.vocabSize', perLayer.vocabSize)
  }
  if (pooling !== undefined) checkPooling(pooling)
  if (streams !== undefined) whole('streams', streams.count, MAX_EXPERTS)
  if (!(norm.epsilon >= 0 && Number.isFinite(norm.epsilon)))
    throw new FormatError(`[models/config] expected an epsilon of at least 0, got ${norm.epsilon}`)
  if (embedding.positions !== undefined) whole('embedding.positions', embedding.positions + 1)
  if (embedding.types !== undefined) whole('embedding.types', embedding.types)
  finite('embedding.scale', embedding.scale)
  finite('head.scale', head?.scale)
  positive('head.softcap', head?.softcap)
  if (mixers.length !== layers.length)
    throw new FormatError(
      `[models/config] expected a mixer for each of ${layers.length} layers, got ${mixers.length}`,
    )
  for (const [layer, mixer] of mixers.entries()) checkMixer(mixer, layer, mixers)
  for (const layer of layers) checkLayer(layer, config)
  checkExperts(layers)
  return config
}

function checkLayer({ branches }: LayerConfig, { perLayer }: DecoderConfig): void {
  const kinds = branches.map(({ op }) => op.kind)
  if (new Set(kinds).size !== kinds.length || branches.filter(({ op }) => isMixer(op)).length !== 1) {
    throw new FormatError(
      `[models/config] expected one mixer a layer and no kind of branch twice, got ${kinds.join(', ')}`,
    )
  }
  for (const [i, branch] of branches.entries()) {
    checkBranch(branch, branches.slice(0, i))
    const { op } = branch
    if (op.kind === 'feedForward') checkFeedForward(op)
    if (op.kind === 'lowRank') whole('rank', op.rank)
    if (op.kind === 'perLayer' && perLayer === undefined)
      throw new FormatError('[models/config] expected perLayer sizes for branches that read them, got none')
  }
}

function checkBranch({ reads, scale, sumScale }: Branch, before: readonly Branch[]): void {
  finite('scale', scale)
  finite('sumScale', sumScale)
  if (reads === 'normed' && !before.some(({ norms }) => norms.includes('before')))
    throw new FormatError('[models/config] expected a norm in an earlier branch of what reads it, got none')
}

/** Whether a branch mixes tokens. */
export function isMixer(op: Operation): op is Mixer {
  return op.kind === 'attention' || op.kind === 'convolution' || op.kind === 'delta'
}

function checkMixer(mixer: Mixer, layer: number, all: readonly Mixer[]): void {
  if (mixer.kind === 'attention') checkAttention(mixer, layer, all)
  else if (mixer.kind === 'delta') checkDeltaNet(mixer)
  else {
    whole('channels', mixer.channels)
    whole('kernel', mixer.kernel, MAX_EXPERTS)
  }
}

function checkDeltaNet(mixer: DeltaNet): void {
  for (const field of ['heads', 'keyHeads'] as const) whole(field, mixer[field], MAX_HEADS)
  for (const field of ['keyDim', 'valueDim'] as const) whole(field, mixer[field], MAX_HEAD_DIM)
  whole('kernel', mixer.kernel, MAX_EXPERTS)
  if (mixer.heads % mixer.keyHeads !== 0) {
    throw new FormatError(
      `[models/config] expected keyHeads to divide heads, got ${mixer.keyHeads} and ${mixer.heads}`,
    )
  }
}

function checkAttention(attention: Attention, layer: number, all: readonly Mixer[]): void {
  const { heads, kvHeads, headDim, rope, window, keysOf, scale, softcap, alibi } = attention
  whole('heads', heads, MAX_HEADS)
  whole('kvHeads', kvHeads, MAX_HEADS)
  whole('headDim', headDim, MAX_HEAD_DIM)
  if (window !== undefined) whole('window', window, Number.MAX_SAFE_INTEGER)
  finite('scale of attention', scale)
  positive('softcap', softcap)
  if (heads % kvHeads !== 0)
    throw new FormatError(`[models/config] expected kvHeads to divide heads, got ${kvHeads} and ${heads}`)
  if (alibi === true && heads !== kvHeads)
    throw new FormatError(
      `[models/config] expected as many kvHeads as heads with ALiBi, got ${kvHeads} and ${heads}`,
    )
  if (rope !== undefined) checkRope(rope, headDim)
  if (keysOf !== undefined) checkKeysOf(keysOf, attention, layer, all)
}

function checkKeysOf(keysOf: number, { kvHeads, headDim }: Attention, layer: number, all: readonly Mixer[]) {
  const source = Number.isInteger(keysOf) && keysOf < layer ? all[keysOf] : undefined
  const fits =
    source?.kind === 'attention' &&
    source.keysOf === undefined &&
    source.kvHeads === kvHeads &&
    source.headDim === headDim
  if (fits) return
  throw new FormatError(
    `[models/config] expected an earlier layer with as many keys of its own and of the same size, got ${keysOf} in layer ${layer}`,
  )
}

function checkRope({ frequencies, scale, beyond }: Rope, headDim: number): void {
  finite('scale of the rope', scale)
  const fits = (list: readonly number[]) => 2 * list.length <= headDim && list.every(Number.isFinite)
  if (!fits(frequencies)) {
    throw new FormatError(
      `[models/config] expected an even headDim and at most half as many finite frequencies, got ${headDim} and ${frequencies.length}`,
    )
  }
  if (beyond === undefined) return
  whole('length of the rope', beyond.length)
  if ('base' in beyond) {
    positive('base', beyond.base)
    positive('factor', beyond.factor)
  } else if (beyond.frequencies.length !== frequencies.length || !fits(beyond.frequencies)) {
    throw new FormatError(
      `[models/config] expected as many finite frequencies beyond a length, got ${frequencies.length} and ${beyond.frequencies.length}`,
    )
  }
}

function checkFeedForward({ size, experts, clamp, sparsity = 0 }: FeedForward): void {
  whole('innerSize', size)
  finite('alpha', clamp?.alpha)
  positive('limit', clamp?.limit)
  if (!(sparsity >= 0 && sparsity < 1))
    throw new FormatError(`[models/config] expected a sparsity from 0 to below 1, got ${sparsity}`)
  if (experts === undefined) return
  const { count, perToken, shared } = experts
  if (shared !== undefined) whole('shared expert', shared.size)
  const fits = Number.isInteger(count) && count >= 1 && count <= MAX_EXPERTS
  if (!fits || !Number.isInteger(perToken) || perToken < 1 || perToken > count) {
    throw new FormatError(
      `[models/config] expected experts from 1 to ${MAX_EXPERTS} and a token's from 1 to as many, got ${count} and ${perToken}`,
    )
  }
}

function checkExperts(layers: readonly LayerConfig[]): void {
  const counts = layers.flatMap(({ branches }) =>
    branches.map(({ op }) => (op.kind === 'feedForward' ? (op.experts?.count ?? 0) : 0)),
  )
  const all = counts.reduce((sum, count) => sum + count, 0)
  if (all > MAX_ALL_EXPERTS)
    throw new FormatError(`[models/config] expected at most ${MAX_ALL_EXPERTS} experts in all, got ${all}`)
}

function whole(field: string, value: number, most = MAX_DIMENSION): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new FormatError(
    `[models/config] expected ${field} to be a whole number from 1 to ${most}, got ${value}`,
  )
}

function finite(field: string, value: number | undefined): void {
  if (value === undefined || Number.isFinite(value)) return
  throw new FormatError(`[models/config] expected ${field} to be a finite number, got ${value}`)
}

function positive(field: string, value: number | undefined): void {
  if (value === undefined || (value > 0 && Number.isFinite(value))) return
  throw new FormatError(`[models/config] expected ${field} to be a number above 0, got ${value}`)
}

/** Throws unless positions fit a model and its tokens. */
export function checkPositions(config: DecoderConfig, tokens: Int32Array, positions: Int32Array): void {
  const { contextLength } = config
  const fits = positions.every(position => position >= 0 && position < contextLength)
  if (tokens.length > 0 && positions.length === tokens.length && fits) return
  throw new ShapeError(
    `[models/decoder] expected at least one token, each at a position from 0 to ${contextLength - 1}, got ${tokens.length} tokens at ${positions[0] ?? 'no position'} to ${positions.at(-1) ?? 'none'}`,
  )
}
