import { type Attention, type DeltaNet, FormatError, type Mixer, ShapeError } from '@tersor/core-tensor'
import { checkPooling } from '../encoder/pooling.ts'
import type { DecoderConfig, FeedForward } from './config.ts'

/** A dimension larger than any model has; a bound for configurations from strangers. */
const MAX_DIMENSION = 1 << 24
/** More layers than any model has, as each has weights of its own; likewise a bound. */
const MAX_LAYERS = 1 << 12
/** More experts than any model has in a block; likewise. */
const MAX_EXPERTS = 1 << 12

/**
 * Throws unless the dimensions of a configuration are whole, positive and fit each other.
 *
 * @throws {FormatError} naming the field
 */
export function checkConfig(config: DecoderConfig): DecoderConfig {
  const { vocabSize, contextLength, hiddenSize, layers, mixers, norm, perLayer, pooling, streams } = config
  whole('vocabSize', vocabSize)
  whole('contextLength', contextLength)
  whole('hiddenSize', hiddenSize)
  whole('layers', layers.length, MAX_LAYERS)
  if (perLayer !== undefined) whole('perLayer.size', perLayer.size)
  if (pooling !== undefined) checkPooling(pooling)
  if (streams !== undefined) whole('streams', streams.count, MAX_EXPERTS)
  if (!(norm.epsilon >= 0))
    throw new FormatError(`[models/config] expected an epsilon of at least 0, got ${norm.epsilon}`)
  if (mixers.length !== layers.length)
    throw new FormatError(
      `[models/config] expected a mixer for each of ${layers.length} layers, got ${mixers.length}`,
    )
  for (const [layer, mixer] of mixers.entries()) checkMixer(mixer, layer)
  for (const { branches } of layers) {
    for (const { op } of branches) if (op.kind === 'feedForward') checkFeedForward(op)
  }
  return config
}

function checkMixer(mixer: Mixer, layer: number): void {
  if (mixer.kind === 'attention') checkAttention(mixer, layer)
  else if (mixer.kind === 'delta') checkDeltaNet(mixer)
  else {
    whole('channels', mixer.channels)
    whole('kernel', mixer.kernel, MAX_EXPERTS)
  }
}

function checkDeltaNet(mixer: DeltaNet): void {
  for (const field of ['heads', 'keyHeads', 'keyDim', 'valueDim'] as const) whole(field, mixer[field])
  whole('kernel', mixer.kernel, MAX_EXPERTS)
  if (mixer.heads % mixer.keyHeads !== 0) {
    throw new FormatError(
      `[models/config] expected keyHeads to divide heads, got ${mixer.keyHeads} and ${mixer.heads}`,
    )
  }
}

function checkAttention({ heads, kvHeads, headDim, rope, window, keysOf, scale }: Attention, layer: number) {
  whole('heads', heads)
  whole('kvHeads', kvHeads)
  whole('headDim', headDim)
  if (window !== undefined) whole('window', window, Number.MAX_SAFE_INTEGER)
  if (!Number.isFinite(scale))
    throw new FormatError(`[models/config] expected a finite scale of attention, got ${scale}`)
  if (heads % kvHeads !== 0)
    throw new FormatError(`[models/config] expected kvHeads to divide heads, got ${kvHeads} and ${heads}`)
  if (
    rope !== undefined &&
    (2 * rope.frequencies.length > headDim || !rope.frequencies.every(Number.isFinite))
  ) {
    throw new FormatError(
      `[models/config] expected an even headDim and at most half as many finite frequencies, got ${headDim} and ${rope.frequencies.length}`,
    )
  }
  if (keysOf !== undefined && !(Number.isInteger(keysOf) && keysOf >= 0 && keysOf < layer))
    throw new FormatError(
      `[models/config] expected an earlier layer's keys, got those of ${keysOf} in ${layer}`,
    )
}

function checkFeedForward({ size, experts }: FeedForward): void {
  whole('innerSize', size)
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

function whole(field: string, value: number, most = MAX_DIMENSION): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new FormatError(
    `[models/config] expected ${field} to be a whole number from 1 to ${most}, got ${value}`,
  )
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
