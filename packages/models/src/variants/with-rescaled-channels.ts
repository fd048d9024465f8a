import { type Attention, Rng, ShapeError, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import { exp } from '@tersor/core-tensor/portable-math'
import type { Branch, FeedForward } from '../decoder/config.ts'
import type { Decoder } from '../decoder/decoder.ts'
import { biasOf, inLayer } from '../decoder/roles.ts'
import { floatCopy, readersOf, scaleColumns, scaleRows } from './channels.ts'

export interface RescaleOptions {
  /** Of the factors; 0 by default. */
  seed?: number | undefined
  /** Factors are e to a number between −range and range; 0.25 by default. */
  range?: number | undefined
}

/**
 * The same function in other numbers, which no quantizer has seen: channels are multiplied by seeded factors where what
 * reads them can be divided by the same. Norms against the columns of the matrices that read them, rows of v against
 * columns of o, rows of up against columns of down, rows of q against rows of k by rotation pair.
 *
 * Use it to judge weight compression on a model that is only at hand quantized: rounding such a model to its own grid is
 * exact, and says nothing. Its weights behave like any others afterwards.
 *
 * @param model  on the reference device, compressed or not; it stays as it is
 * @returns a model with float32 weights in its blocks, with the same logits but for rounding
 * @throws {ShapeError} for a range that is not from 0 to 8
 * @throws {UnsupportedError} for a model whose layers are not attention and a feed-forward network behind a norm each
 *
 * ```ts no-run
 * const honest = withRescaledChannels(await loadModel('SmolLM2-135M-Instruct.Q4_1.gguf'), { seed: 1 })
 * ```
 */
export function withRescaledChannels(
  model: Decoder,
  { seed = 0, range = 0.25 }: RescaleOptions = {},
): Decoder {
  if (!(range >= 0 && range <= 8))
    throw new ShapeError(`[models/rescaled-channels] expected a range from 0 to 8, got ${range}`)
  const changed = new Map<string, Tensor>()
  const edit = (name: string) => {
    const weight = changed.get(name) ?? floatCopy(model, name)
    changed.set(name, weight)
    return weight
  }
  const rng = new Rng(seed)
  const draw = (count: number) =>
    Float64Array.from({ length: count }, () => exp((2 * rng.uniform() - 1) * range))
  for (const [layer, { branches }] of model.config.layers.entries()) {
    for (const branch of branches) {
      const op = requireRescalable(branch)
      rescaleNorm(model, edit, inLayer(layer, op.kind), draw)
      if (op.kind === 'attention') rescaleAttention(model, edit, layer, op, draw)
      else rescaleNetwork(edit, layer, op, draw)
    }
  }
  return model.with(changed)
}

type Edit = (name: string) => Tensor
type Draw = (count: number) => Float64Array

/** norm · f, and 1 / f in the columns of what reads it. */
function rescaleNorm(model: Decoder, edit: Edit, prefix: string, draw: Draw): void {
  const factors = draw(model.config.hiddenSize)
  const norm = edit(`${prefix}.before`)
  if (model.config.norm.offset === undefined) scaleRows(norm, factors)
  else {
    const values = norm.data as Float32Array
    for (let i = 0; i < values.length; i++) values[i] = (1 + values[i]!) * factors[i]! - 1
  }
  const bias = biasOf(`${prefix}.before`)
  if (model.weights.has(bias)) scaleRows(edit(bias), factors)
  for (const reader of readersOf(model, `${prefix}.`)) scaleColumns(edit(reader), inverse(factors))
}

function rescaleAttention(model: Decoder, edit: Edit, layer: number, op: Attention, draw: Draw): void {
  const { heads, kvHeads, headDim, rope } = op
  const role = (name: string) => inLayer(layer, `attention.${name}`)
  const rows = (name: string, factors: Float64Array) => {
    scaleRows(edit(role(name)), factors)
    if (model.weights.has(biasOf(role(name)))) scaleRows(edit(biasOf(role(name))), factors)
  }
  const ofKeys = draw(kvHeads * headDim)
  rows('value', ofKeys)
  scaleColumns(edit(role('output')), inverse(forQueries(ofKeys, op)))
  // Both elements of a pair that turns have one factor.
  const turned = draw(kvHeads * headDim)
  const pairs = rope?.frequencies.length ?? 0
  for (let at = 0; at < turned.length; at++) {
    const element = at % headDim
    if (element >= 2 * pairs) continue
    const first = rope?.layout === 'interleaved' ? element - (element % 2) : element % pairs
    turned[at] = turned[at - element + first]!
  }
  rows('key', turned)
  rows('query', inverse(forQueries(turned, { heads, kvHeads, headDim })))
}

/** up · f, and 1 / f in the columns of down. */
function rescaleNetwork(edit: Edit, layer: number, op: FeedForward, draw: Draw): void {
  const factors = draw(op.size)
  scaleRows(edit(inLayer(layer, 'feedForward.up')), factors)
  scaleColumns(edit(inLayer(layer, 'feedForward.down')), inverse(factors))
}

/** Factors of key heads for the query heads that share them. */
function forQueries(
  factors: Float64Array,
  { heads, kvHeads, headDim }: Pick<Attention, 'heads' | 'kvHeads' | 'headDim'>,
): Float64Array {
  return Float64Array.from({ length: heads * headDim }, (_, at) => {
    const head = Math.floor(Math.floor(at / headDim) / (heads / kvHeads))
    return factors[head * headDim + (at % headDim)]!
  })
}

function inverse(factors: Float64Array): Float64Array {
  return factors.map(factor => 1 / factor)
}

function requireRescalable({ op, norms, reads }: Branch): Attention | FeedForward {
  const isBehindNorm = norms.includes('before') && reads === undefined
  if (isBehindNorm && op.kind === 'attention' && isPlainAttention(op)) return op
  if (isBehindNorm && op.kind === 'feedForward' && isPlainNetwork(op)) return op
  throw new UnsupportedError(
    `[models/rescaled-channels] expected layers of attention and a gated feed-forward network, each behind a norm of its own, got another ${op.kind}`,
  )
}

function isPlainAttention(op: Attention): boolean {
  return (
    op.queryKeyNorm === undefined && op.valueNorm !== true && op.keysOf === undefined && op.gated !== true
  )
}

function isPlainNetwork(op: FeedForward): boolean {
  return op.gated && op.experts === undefined && op.clamp === undefined && op.sparsity === undefined
}
