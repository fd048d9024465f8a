import type { Tensor } from '@tersor/core-tensor'
import { binary, copy, reduce, rmsNorm, transpose, unary } from '@tersor/core-tensor/reference'
import { columns } from './columns.ts'
import type { Branch } from './config.ts'
import { constant } from './constant.ts'
import type { LayerPass } from './layer.ts'
import type { ModelWeights } from './model-weights.ts'
import { runPerLayer } from './per-layer.ts'
import { inLayer } from './roles.ts'

/** The smallest mean square that a stream is divided by. */
const LEAST_MEAN_SQUARE = 1e-5

/**
 * The hidden state as several streams side by side (Baykal et al., 2023, arXiv:2301.13310, as Gemma 3n has it): the
 * first, and products of it with a matrix each, brought to its magnitude.
 *
 * @param x  (tokens, hidden)
 * @returns (tokens, streams · hidden)
 */
export function spreadStreams(weights: ModelWeights, x: Tensor, count: number): Tensor {
  const streams = [x]
  for (let stream = 1; stream < count; stream++) {
    streams.push(likeMagnitude(weights.linear(x, `streams.spread.${stream}`), x))
  }
  return joined(streams)
}

/**
 * The mean of all streams, each brought back by its matrix.
 *
 * @returns (tokens, hidden)
 */
export function gatherStreams(weights: ModelWeights, x: Tensor, count: number): Tensor {
  const streams = apart(x, count)
  const [first] = streams
  let sum = first!
  for (let stream = 1; stream < count; stream++) {
    const back = weights.linear(streams[stream]!, `streams.gather.${stream}`)
    sum = binary('add', sum, likeMagnitude(back, first!))
  }
  return binary('mul', sum, constant(x.device, 1 / count))
}

/**
 * One layer over several streams: all are predicted from each other, the first runs through the layer's branches, what
 * that changed corrects every one, and the layer's own embedding is added to the others.
 *
 * @param x  (tokens, streams · hidden)
 * @param run  the branches over one stream
 */
export function withStreams(
  x: Tensor,
  pass: LayerPass,
  run: (active: Tensor, branches: readonly Branch[]) => Tensor,
): Tensor {
  const { weights, config, layer } = pass
  const { device } = weights
  const count = config.streams!.count
  const { branches } = config.layers[layer]!
  const isPerLayer = ({ op }: Branch) => op.kind === 'perLayer'
  using predicted = device.scope(() => predict(x, count, pass))
  using active = device.scope(() => columns(predicted, 0, config.hiddenSize))
  using done = run(
    active,
    branches.filter(branch => !isPerLayer(branch)),
  )
  using corrected = device.scope(() => correct(predicted, done, count, pass))
  const own = branches.find(isPerLayer)
  if (own === undefined || own.op.kind !== 'perLayer')
    return device.scope(() => joined(apart(corrected, count)))
  using seen = device.scope(() =>
    binary('mul', columns(corrected, 0, config.hiddenSize), weights.tensor(inLayer(layer, 'streams.scale'))),
  )
  using said = runPerLayer(own.op, seen, pass)
  return device.scope(() => {
    const added = weights.norm(said, inLayer(layer, 'perLayer.after'))
    const [first, ...others] = apart(corrected, count)
    return joined([first!, ...others.map(stream => binary('add', stream, added))])
  })
}

/** Each stream and a mix of all, whose weights depend on the first. */
function predict(x: Tensor, count: number, pass: LayerPass): Tensor {
  const streams = apart(x, count)
  const mix = mixOf(streams[0]!, 'predict', pass) // (tokens, count · count)
  return joined(
    streams.map((stream, to) =>
      streams.reduce(
        (sum, from, i) => binary('add', sum, binary('mul', from, columns(mix, to * count + i, 1))),
        stream,
      ),
    ),
  )
}

/** What the layer changed of the first stream, added to all of them in shares that depend on its result. */
function correct(predicted: Tensor, done: Tensor, count: number, pass: LayerPass): Tensor {
  const streams = apart(predicted, count)
  const change = binary('sub', done, streams[0]!)
  const shares = binary('add', mixOf(done, 'correct', pass), constant(done.device, 1)) // (tokens, count)
  return joined(
    streams.map((stream, i) => binary('add', stream, binary('mul', change, columns(shares, i, 1)))),
  )
}

/** A matrix times tanh(router(norm(x) / hidden)). */
function mixOf(x: Tensor, matrix: 'predict' | 'correct', { weights, layer, config }: LayerPass): Tensor {
  const role = (name: string) => inLayer(layer, `streams.${name}`)
  const gain = weights.tensor(role('norm'))
  const normed = rmsNorm(x, gain, { epsilon: config.norm.epsilon })
  const scaled = binary('mul', normed, constant(x.device, 1 / config.hiddenSize))
  return weights.linear(unary('tanh', weights.linear(scaled, role('router'))), role(matrix))
}

/** x with the root mean square of another, row by row. */
function likeMagnitude(x: Tensor, other: Tensor): Tensor {
  const [tokens, width] = x.dims as [number, number]
  const meanSquare = (of: Tensor) =>
    binary('mul', reduce('sumSquares', of, { axis: 1 }).reshape([tokens, 1]), constant(x.device, 1 / width))
  const own = binary('max', meanSquare(x), constant(x.device, LEAST_MEAN_SQUARE))
  return binary('mul', x, unary('sqrt', binary('div', meanSquare(other), own)))
}

function apart(x: Tensor, count: number): Tensor[] {
  const width = x.dims[1]! / count
  return Array.from({ length: count }, (_, stream) => columns(x, stream, width))
}

/** Streams (tokens, width) side by side: (tokens, streams · width) */
function joined(streams: readonly Tensor[]): Tensor {
  const [tokens, width] = streams[0]!.dims as [number, number]
  const all = streams[0]!.device.empty('float32', [streams.length, tokens, width])
  for (const [i, stream] of streams.entries())
    copy(stream.reshape([1, tokens, width]), { out: all, at: [i, 0, 0] })
  return transpose(all, [1, 0, 2]).reshape([tokens, streams.length * width])
}
