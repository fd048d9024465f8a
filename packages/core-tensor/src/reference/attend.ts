import type { AttentionOptions } from '../device/kernels.ts'
import { log, tanh } from '../portable-math.ts'
import { numbersOf, toFloat32, writeNumbers } from '../tensor/convert.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fastExp, powersOfTwo } from './fast-exp.ts'
import { checkedIndices } from './gather.ts'
import { output } from './output.ts'
import { multiplyRow, type Panel, packColumns, packRows, summationOf, TILE, tileWithin } from './tiles.ts'

/**
 * Attention over plain tensors whose shapes fit. Queries go four at a time, so that each group meets
 * hardly more keys than it sees and its scores stay in the first cache, past keys and values that are
 * packed once for all query heads that share them. Fewer than four read them in place.
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const [heads, queries, headDim] = q.dims as [number, number, number]
  const [kvHeads, capacity] = k.dims as [number, number]
  const { length = capacity, lse, mass } = options
  const { values, done } = output('attention', q.device, 'float32', q.dims, options)
  const query = toFloat32(q)
  const key = toFloat32(k)
  const value = toFloat32(v)
  const summation = summationOf(values, options)
  const { Panel, tile } = summation
  const softmax = softmaxOf(options, biasOf(options, kvHeads, capacity))
  const seen = sightOf(options, queries, length)
  const lseOut = new Float32Array(heads * queries) // (heads, queries)
  const massOut = new Float64Array(mass === undefined ? 0 : heads * capacity) // (heads, capacity)

  const tiled = queries >= TILE
  const lanes = tiled ? TILE : 1
  const wholeTiles = (count: number) => Math.ceil(count / TILE) * TILE
  const keyPanels = new Panel(tiled ? wholeTiles(length) * headDim : 0) // (⌈length / 4⌉, headDim, 4)
  const valuePanels = new Panel(tiled ? wholeTiles(headDim) * length : 0) // (⌈headDim / 4⌉, length, 4)
  const queryPanel = new Panel(headDim * lanes) // (headDim, lanes)
  const weights = new Panel(wholeTiles(length) * lanes) // (visible, lanes)
  const edge = new Panel(TILE * TILE)

  for (let h = 0; h < heads; h++) {
    const kv = Math.floor((h * kvHeads) / heads) * capacity
    const keys = { data: key, offset: kv * headDim, rowStride: 1, columnStride: headDim } // (headDim, length)
    const held = { data: value, offset: kv * headDim, rowStride: headDim, columnStride: 1 } // (length, headDim)
    if (tiled && h % (heads / kvHeads) === 0) {
      packColumns(keys, length, headDim, keyPanels)
      packColumns(held, headDim, length, valuePanels)
    }
    for (let q0 = 0; q0 < queries; q0 += lanes) {
      const count = Math.min(lanes, queries - q0)
      const start = (h * queries + q0) * headDim
      // The keys that any of these queries sees; tiles of keys begin at multiples of four.
      const first = Math.floor(seen(q0).from / lanes) * lanes
      const visible = Math.max(0, seen(q0 + count - 1).until - first)
      packRows(
        { data: query, offset: start, rowStride: headDim, columnStride: 1 },
        count,
        headDim,
        queryPanel,
      )
      if (tiled) {
        for (let j = 0; j < visible; j += TILE) {
          tile(headDim, keyPanels, (first + j) * headDim, queryPanel, 0, weights, j * TILE, TILE)
        }
      } else {
        const seenKeys = { ...keys, offset: keys.offset + first * headDim }
        multiplyRow(summation, headDim, queryPanel, seenKeys, visible, weights, 0)
      }

      for (let lane = 0; lane < count; lane++) {
        const { from, until } = seen(q0 + lane)
        const begin = (from - first) * lanes + lane
        const end = (until - first) * lanes + lane
        lseOut[h * queries + q0 + lane] = softmax(weights, begin, lanes, end, kv + from)
        for (let at = lane; at < begin; at += lanes) weights[at] = 0
        for (let at = end; at < visible * lanes; at += lanes) weights[at] = 0
        if (mass === undefined) continue
        for (let at = begin, j = h * capacity + from; at < end; at += lanes) massOut[j++]! += weights[at]!
      }

      if (tiled) {
        for (let d = 0; d < headDim; d += TILE) {
          tileWithin(
            summation,
            visible,
            weights,
            valuePanels,
            d * length + first * TILE,
            count,
            headDim - d,
            values,
            start + d,
            headDim,
            edge,
          )
        }
      } else {
        const seenValues = { ...held, offset: held.offset + first * headDim }
        multiplyRow(summation, visible, weights, seenValues, headDim, values, start)
      }
    }
  }
  if (lse !== undefined) writeNumbers(lseOut, lse.type, lse.data)
  if (mass !== undefined) {
    const before = numbersOf(mass)
    const sums = massOut.map((received, i) => received + before[i]!)
    writeNumbers(sums, mass.type, mass.data)
  }
  return done()
}

/** The keys that each query sees: from ≤ key < until, neither of which ever falls from one query to the next. */
function sightOf({ causal = false, window = Infinity }: AttentionOptions, queries: number, length: number) {
  const within = (key: number) => Math.max(0, Math.min(length, key))
  return (query: number): { from: number; until: number } => {
    const position = length - queries + query
    return { from: within(position - window + 1), until: within(position + (causal ? 1 : window)) }
  }
}

/**
 * Turns the scores of one query, every `step`th, into weights in place and returns their log-sum-exp; a row
 * without keys has weights of 0. The loops are one function, so that they are compiled once for all calls.
 */
function softmaxOf({ scale, softcap }: AttentionOptions, bias: Float32Array | undefined) {
  const powers = powersOfTwo()
  return (scores: Panel, begin: number, step: number, end: number, firstBias: number): number => {
    let max = -Infinity
    for (let at = begin, j = firstBias; at < end; at += step) {
      const added = bias === undefined ? 0 : bias[j++]!
      const score = scores[at]! * scale
      const capped = softcap === undefined ? score : softcap * tanh(score / softcap)
      scores[at] = added === -Infinity ? added : capped + added
      if (scores[at]! > max) max = scores[at]!
    }
    // Where nothing is seen, exp(−∞ − 0) adds up to 0; a score that is not a number still shows.
    const shift = max === -Infinity ? 0 : max
    let sum = 0
    for (let at = begin; at < end; at += step) sum += scores[at] = fastExp(scores[at]! - shift, powers)
    if (sum === 0) return -Infinity
    for (let at = begin; at < end; at += step) scores[at]! /= sum
    return shift + log(sum)
  }
}

/** (kvHeads · capacity) what is added to the score of each key: its log-weight, −∞ where a head may not look. */
function biasOf(
  { logWeight, keyIndex }: AttentionOptions,
  kvHeads: number,
  capacity: number,
): Float32Array | undefined {
  if (keyIndex === undefined) return logWeight && toFloat32(logWeight)
  const given = logWeight && toFloat32(logWeight)
  const bias = new Float32Array(kvHeads * capacity).fill(-Infinity)
  const indices = checkedIndices(keyIndex, capacity, 'attention')
  const each = indices.length / kvHeads
  for (let i = 0; i < indices.length; i++) {
    const at = Math.floor(i / each) * capacity + indices[i]!
    bias[at] = given === undefined ? 0 : given[at]!
  }
  return bias
}
