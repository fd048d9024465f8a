import { firstHead, lengthOf, startOf } from './documents'
import { attendPanel, multiplyPanel, NATS, OCTAVES, PANEL, packKeys, packKeysTurned, roundUp, turnIn, turnOut } from './query-panel'
import { scaleRow } from '../rows/softmax-norm'
import { scratchOf } from '../scratch'
import { tileFree } from '../products/tile'
import { transpose4 } from '../vector'

/** Queries whose shares of the gradients of keys and values are summed in one product. */
const BLOCK: u32 = 4 * PANEL

export function attentionBackward(
  dq: usize,
  dk: usize,
  dv: usize,
  q: usize,
  k: usize,
  v: usize,
  o: usize,
  dO: usize,
  borders: usize,
  rows: u32,
  heads: u32,
  kvHeads: u32,
  headDim: u32,
  segments: u32,
  longest: u32,
  scale: f32,
  part: u32,
  parts: u32,
): void {
  if (headDim == 0) return
  const tall = (<usize>roundUp(longest, PANEL)) << 2
  const wide = roundUp(headDim, PANEL)
  const panel = (wide * PANEL) << 2
  const keys = scratchOf(part)
  const keysTurned = keys + tall * wide
  const values = keysTurned + tall * wide
  const keySlopes = values + tall * wide // (longest, wide)
  const valueSlopes = keySlopes + tall * wide
  const scores = valueSlopes + tall * wide // (BLOCK / PANEL, longest, PANEL)
  const changes = scores + tall * BLOCK
  const queries = changes + tall * BLOCK // (wide / PANEL, BLOCK, PANEL)
  const slopes = queries + panel * (BLOCK / PANEL)
  const turnedQueries = slopes + panel * (BLOCK / PANEL) // (headDim, PANEL)
  const turnedSlopes = turnedQueries + panel
  const sums = turnedSlopes + panel
  const edge = sums + panel // (BLOCK, 4), and before that one over the sums of a panel

  const stride = heads * headDim
  const kvStride = kvHeads * headDim
  const group = heads / kvHeads
  const last = firstHead(borders, segments, kvHeads, rows, longest, part + 1, parts)
  for (let i = firstHead(borders, segments, kvHeads, rows, longest, part, parts); i < last; i++) {
    const start = startOf(borders, i / kvHeads, rows)
    const length = lengthOf(borders, i / kvHeads, rows, longest)
    const kvHead = i % kvHeads
    const kvAt = (<usize>(start * kvStride + kvHead * headDim)) << 2
    packKeys(keys, k + kvAt, kvStride, length, headDim)
    packKeysTurned(keysTurned, k + kvAt, kvStride, length, headDim)
    packKeys(values, v + kvAt, kvStride, length, headDim)
    memory.fill(keySlopes, 0, 2 * tall * wide)
    for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (let block: u32 = 0; block < length; block += BLOCK) {
        const end = min(block + BLOCK, roundUp(length, PANEL))
        for (let first = block; first < end; first += PANEL) {
          const at = (<usize>((start + first) * stride + head * headDim)) << 2
          const count = length - first
          const panelScores = scores + tall * (first - block)
          const panelChanges = changes + tall * (first - block)
          turnIn(sums, o + at, stride, count, headDim, 1)
          turnIn(turnedSlopes, dO + at, stride, count, headDim, 1)
          turnIn(turnedQueries, q + at, stride, count, headDim, scale * OCTAVES)
          attendPanel(panelScores, keys, turnedQueries, first, headDim, edge)
          multiplyPanel(panelChanges, values, headDim, turnedSlopes, first + PANEL, headDim)
          changeScores(panelScores, panelChanges, first + PANEL, sums, turnedSlopes, headDim, edge)
          multiplyPanel(sums, keysTurned, length, panelChanges, headDim, min(first + PANEL, length))
          scaleRow(sums, sums, headDim << 3, scale)
          turnOut(dq + at, stride, sums, count, headDim)
          turnBack(queries + ((first - block) << 5), turnedQueries, headDim)
          turnBack(slopes + ((first - block) << 5), turnedSlopes, headDim)
        }
        addSlopes(valueSlopes, scores, tall, slopes, block, end, headDim, edge)
        addSlopes(keySlopes, changes, tall, queries, block, end, headDim, edge)
      }
    }
    for (let r: u32 = 0; r < length; r++) {
      const to = kvAt + ((<usize>(r * kvStride)) << 2)
      scaleRow(dk + to, keySlopes + ((<usize>(r * wide)) << 2), headDim, NATS)
      memory.copy(dv + to, valueSlopes + ((<usize>(r * wide)) << 2), headDim << 2)
    }
  }
}

/** Exponentials to probabilities P, and what a change of them costs to that of the scores: P ⊙ (dP − Σ o·dO). */
function changeScores(
  scores: usize,
  changes: usize,
  keys: u32,
  outputs: usize,
  slopes: usize,
  headDim: u32,
  inverse: usize,
): void {
  let shareA = f32x4.splat(0)
  let shareB = shareA
  for (let d: u32 = 0; d < headDim; d++) {
    const at = d << 5
    shareA = f32x4.add(shareA, f32x4.mul(v128.load(outputs + at), v128.load(slopes + at)))
    shareB = f32x4.add(shareB, f32x4.mul(v128.load(outputs + at, 16), v128.load(slopes + at, 16)))
  }
  const inverseA = v128.load(inverse)
  const inverseB = v128.load(inverse, 16)
  for (const end = scores + ((<usize>keys) << 5); scores < end; scores += 32, changes += 32) {
    const a = f32x4.mul(v128.load(scores), inverseA)
    const b = f32x4.mul(v128.load(scores, 16), inverseB)
    v128.store(scores, a)
    v128.store(scores, b, 16)
    v128.store(changes, f32x4.mul(a, f32x4.sub(v128.load(changes), shareA)))
    v128.store(changes, f32x4.mul(b, f32x4.sub(v128.load(changes, 16), shareB)), 16)
  }
}

/** Columns (headDim, PANEL) to the packed right side of a product over queries: rows of PANEL, the next eight of them BLOCK rows on. */
function turnBack(to: usize, x: usize, headDim: u32): void {
  for (let d: u32 = 0; d < headDim; d += PANEL, to += BLOCK << 5, x += PANEL << 5) {
    transpose4(to, 32, x, 32)
    transpose4(to + 16, 32, x + 128, 32)
    transpose4(to + 128, 32, x + 16, 32)
    transpose4(to + 144, 32, x + 144, 32)
  }
}

/** y (keys, headDim) += w·x, w (keys, queries from `block` to `end`) in panels of queries that see up to their own last key. */
function addSlopes(
  y: usize,
  w: usize,
  tall: usize,
  x: usize,
  block: u32,
  end: u32,
  headDim: u32,
  edge: usize,
): void {
  const step = (<usize>roundUp(headDim, PANEL)) << 2
  for (let key: u32 = 0; key < end; key += 4, y += 4 * step) {
    const first = key < block ? 0 : (key - block) & ~(PANEL - 1)
    const count = end - block - first
    for (let i: u32 = 0; i < count; i += PANEL) {
      const from = w + tall * (first + i) + ((<usize>key) << 5)
      transpose4(edge + (i << 4), 16, from, 32)
      transpose4(edge + (i << 4) + 64, 16, from + 16, 32)
    }
    for (let d: u32 = 0; d < headDim; d += PANEL)
      tileFree(y + (d << 2), step, edge, x + ((d * BLOCK) << 2) + (first << 5), count, true)
  }
}
