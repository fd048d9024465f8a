import { ShapeError, type Tensor } from '@tersor/core-tensor'
import { binary } from '@tersor/core-tensor/reference'
import type { DecoderConfig } from './config.ts'
import { constant } from './constant.ts'
import type { ModelWeights } from './model-weights.ts'
import { EMBEDDING } from './roles.ts'
import { rowsOf } from './rows-of.ts'
import { spreadStreams } from './streams.ts'

/**
 * Tokens as vectors, with what a model adds to them before the first layer: a scale, learned positions, the first token
 * type, a norm, and further streams.
 *
 * @returns (tokens, hidden), with streams (tokens, streams · hidden)
 */
export function embed(
  weights: ModelWeights,
  config: DecoderConfig,
  tokens: Int32Array,
  positions: Int32Array,
): Tensor {
  const { embedding, vocabSize, streams } = config
  const stray = tokens.find(token => token < 0 || token >= vocabSize)
  if (stray !== undefined)
    throw new ShapeError(`[models/decoder] expected tokens from 0 to ${vocabSize - 1}, got ${stray}`)
  return weights.device.scope(() => {
    let x = rowsOf(weights, EMBEDDING, tokens)
    if (embedding.scale !== undefined) x = binary('mul', x, constant(weights.device, embedding.scale))
    if (embedding.positions !== undefined) {
      const rows = positions.map(position => position + embedding.positions!)
      x = binary('add', x, rowsOf(weights, 'embedding.positions', rows))
    }
    if (embedding.types !== undefined) {
      x = binary('add', x, rowsOf(weights, 'embedding.types', Int32Array.of(0)))
    }
    if (embedding.norm === true) x = weights.norm(x, 'embedding.norm')
    return streams === undefined ? x : spreadStreams(weights, x, streams.count)
  })
}
