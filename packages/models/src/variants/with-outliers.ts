import {
  decode,
  denseEncoding,
  isEncoded,
  Rng,
  ShapeError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import type { Decoder } from '../decoder/decoder.ts'
import { inLayer } from '../decoder/roles.ts'

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
  const chosen = drawChannels(hiddenSize, channels, seed)
  const changed = new Map<string, Tensor>()
  const scaled = (name: string, by: number) =>
    changed.set(name, scaleColumns(floats(model, name), chosen, by))
  for (const [layer, { branches }] of layers.entries()) {
    for (const { op, norms } of branches) {
      if (!norms.includes('before')) continue
      scaled(inLayer(layer, `${op.kind}.before`), factor)
      for (const reader of readersOf(model, inLayer(layer, `${op.kind}.`))) scaled(reader, 1 / factor)
    }
  }
  return model.with(changed)
}

/** The matrices that read the norm of a branch. */
function readersOf({ weights }: Decoder, prefix: string): string[] {
  const reads = /^(query|key|value|gate|router|(experts\.\d+|shared)\.(gate|up)|up|shared\.router)$/
  return [...weights.keys()].filter(name => name.startsWith(prefix) && reads.test(name.slice(prefix.length)))
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

/** A copy of a weight in float32. */
function floats(model: Decoder, name: string): Tensor {
  const held = model.weights.get(name)!
  // Files hold narrow floats as dense encodings.
  const weight = isEncoded(held) && held.encoding === denseEncoding ? decode(held) : held
  if (isEncoded(weight)) {
    throw new UnsupportedError(
      `[models/outliers] expected '${name}' as a tensor, got ${weight.encoding.kind}; decode it first`,
    )
  }
  const values = cast(weight, 'float32').data as Float32Array
  return new Tensor('float32', values.slice(), weight.dims)
}

function scaleColumns(weight: Tensor, columns: readonly number[], by: number): Tensor {
  const width = weight.dims.at(-1)!
  const values = weight.data as Float32Array
  for (let row = 0; row < values.length; row += width)
    for (const column of columns) values[row + column]! *= by
  return weight
}
