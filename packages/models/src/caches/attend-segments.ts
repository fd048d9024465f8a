import { type AttentionOptions, Tensor } from '@tersor/core-tensor'
import { attention, binary, gather, mergeAttention } from '@tersor/core-tensor/reference'
import type { DenseSegment } from './dense-segment.ts'

/**
 * Attention over the segments of a layer, one by one, and merged.
 *
 * @param queries  (heads, tokens, headDim), rotated
 * @param segments  one where a window, mass or log-sum-exps are asked for, as these run over all keys
 * @param options.logWeight  a column for each token that is held
 */
export function attendSegments(
  queries: Tensor,
  segments: readonly DenseSegment[],
  options: AttentionOptions,
): Tensor {
  const [only] = segments
  return only !== undefined && segments.length === 1
    ? attendOne(queries, only, options)
    : attendSome(queries, segments, options)
}

function attendOne(queries: Tensor, segment: DenseSegment, options: AttentionOptions): Tensor {
  const { mass, logWeight, ...rest } = options
  const { keys, values, positions, length } = segment
  const { device } = queries
  return device.scope(() => {
    const room = mass && device.empty('float32', [mass.dims[0]!, positions.size])
    const bias = logWeight && columns(logWeight, 0, segment)
    const result = attention(queries, keys, values, { ...rest, length, logWeight: bias, mass: room })
    if (mass !== undefined && room !== undefined) addColumns(room, mass)
    return result
  })
}

/** The newest tokens, the queries' own, lie in the last segment; every earlier one is seen whole. */
function attendSome(
  queries: Tensor,
  segments: readonly DenseSegment[],
  { logWeight, out, ...rest }: AttentionOptions,
): Tensor {
  const [heads, count] = queries.dims as [number, number]
  let seen = 0
  const parts = segments.map((segment, i) => {
    const { keys, values, length } = segment
    const lse = queries.device.empty('float32', [heads, count])
    const bias = logWeight && columns(logWeight, seen, segment)
    seen += length
    const causal = rest.causal === true && i === segments.length - 1
    const o = attention(queries, keys, values, { ...rest, length, logWeight: bias, causal, lse })
    return { heads: Array.from({ length: heads }, (_, head) => head), o, lse }
  })
  return mergeAttention(parts, { out })
}

/** mass ← mass + the columns of `room` that are in use. */
function addColumns(room: Tensor, mass: Tensor): void {
  const index = Int32Array.from({ length: mass.dims[1]! }, (_, i) => i)
  const used = gather(room, room.device.upload(new Tensor('int32', index, [index.length])), { axis: 1 })
  binary('add', mass, used, { out: mass })
}

/** The log-weights of one segment, (kvHeads, capacity); room that is not in use repeats the last token. */
function columns(logWeight: Tensor, start: number, { length, positions }: DenseSegment): Tensor {
  const index = Int32Array.from({ length: positions.size }, (_, i) => start + Math.min(i, length - 1))
  return gather(logWeight, logWeight.device.upload(new Tensor('int32', index, [index.length])), { axis: 1 })
}
