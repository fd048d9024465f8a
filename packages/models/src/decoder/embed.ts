import { decode, isEncoded, ShapeError, Tensor } from '@tersor/core-tensor'
import { binary, gather } from '@tersor/core-tensor/reference'
import type { DecoderConfig } from './config.ts'
import { constant } from './constant.ts'
import type { ModelWeights, Weight } from './model-weights.ts'
import { EMBEDDING } from './roles.ts'
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

/** Some rows of a table, in float32: decoded one by one, or all at once where they are many. */
export function rowsOf({ device, all }: ModelWeights, role: string, rows: Int32Array): Tensor {
  const table: Weight = all.get(role)!
  const [count = 0, width = 0] = table.dims
  if (rows.length > count / 8 || !isEncoded(table)) {
    const index = device.upload(new Tensor('int32', rows, [rows.length]))
    return gather(isEncoded(table) ? decode(table) : table, index, { axis: 0 })
  }
  const x = device.empty('float32', [rows.length, width])
  for (const [i, row] of rows.entries()) decode(table, { rows: [row, row + 1], out: x.rows(i, i + 1) })
  return x
}
