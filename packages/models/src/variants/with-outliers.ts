import { denseEncoding, isEncoded, Rng, ShapeError, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import type { DecoderConfig } from '../decoder/config.ts'
import type { Decoder } from '../decoder/decoder.ts'
import { inLayer } from '../decoder/roles.ts'
import { floatCopy, readersOf, scaleColumns } from './channels.ts'

export interface OutlierOptions {
  /** How many of the hidden state's channels become outliers, the same ones in all layers; 4 by default. */
  channels?: number | undefined
  /** How much larger they become behind the norms, a power of two so that nothing is rounded; 32 by default. */
  factor?: number | undefined
  /** Of the choice of channels; 0 by default. */
  seed?: number | undefined
}

/**
 * The same function in other numbers: a few channels behind each norm become large, as they are in large
 * language models (Dettmers et al., 2022, arXiv:2208.07339), and the weights that read them smaller by as much. Small
 * models have no such channels; with them, methods that fight outliers have something to fight.
 *
 * @param model  with float weights on the reference device; it stays as it is
 * @returns a model with float32 weights, with the same logits but for rounding; the final norm stays as it is
 * @throws {ShapeError} for more channels than there are, or a factor that is not a power of two
 * @throws {UnsupportedError} for compressed weights
 *
 * ```ts no-run
 * const hard = withOutliers(await loadModel('tiny-lm'), { channels: 6, factor: 64 })
 * ```
 */
export function withOutliers(
  model: Decoder,
  { channels = 4, factor = 32, seed = 0 }: OutlierOptions = {},
): Decoder {
  const { hiddenSize, layers } = model.config
  if (!(Number.isInteger(channels) && channels >= 0 && channels <= hiddenSize))
    throw new ShapeError(`[models/outliers] expected 0 to ${hiddenSize} channels, got ${channels}`)
  if (!(factor > 0 && Number.isInteger(Math.log2(factor))))
    throw new ShapeError(`[models/outliers] expected a factor that is a power of two, got ${factor}`)
  requirePlainNorms(model.config)
  const chosen = drawChannels(hiddenSize, channels, seed)
  const changed = new Map<string, Tensor>()
  const scaled = (name: string, by: number) => {
    requireFloats(model, name)
    const factors = new Float64Array(hiddenSize).fill(1)
    for (const channel of chosen) factors[channel] = by
    changed.set(name, scaleColumns(floatCopy(model, name), factors))
  }
  for (const [layer, { branches }] of layers.entries()) {
    for (const { op, norms } of branches) {
      if (!norms.includes('before')) continue
      scaled(inLayer(layer, `${op.kind}.before`), factor)
      for (const reader of readersOf(model, inLayer(layer, `${op.kind}.`))) scaled(reader, 1 / factor)
    }
  }
  return model.with(changed)
}

function drawChannels(count: number, wanted: number, seed: number): number[] {
  const rng = new Rng(seed)
  const all = Array.from({ length: count }, (_, channel) => channel)
  for (let i = 0; i < wanted; i++) {
    const other = i + rng.integer(count - i)
    ;[all[i], all[other]] = [all[other]!, all[i]!]
  }
  return all.slice(0, wanted)
}

/** Copies of chosen columns may be decoded from files that hold narrow floats, but not from what a method made. */
function requireFloats({ weights }: Decoder, name: string): void {
  const held = weights.get(name)!
  if (!isEncoded(held) || held.encoding === denseEncoding) return
  throw new UnsupportedError(
    `[models/outliers] expected '${name}' as a tensor, got ${held.encoding.kind}; decode it first`,
  )
}

/** Elsewhere a norm is read by two branches, or is stored as a distance from 1, and has a bias. */
function requirePlainNorms({ norm, layers }: DecoderConfig): void {
  const isRead = layers.every(({ branches }) => branches.every(({ reads }) => reads === undefined))
  if (isRead && norm.kind === 'rms' && norm.offset === undefined) return
  throw new UnsupportedError(
    '[models/outliers] expected a model with an RMS norm of its own before each branch, got one with other norms',
  )
}
