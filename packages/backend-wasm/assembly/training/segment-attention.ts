import { firstHead, lengthOf, startOf } from './documents'
import { attendPanel, multiplyPanel, OCTAVES, PANEL, packKeys, packKeysTurned, roundUp, turnIn, turnOut } from './query-panel'
import { scratchOf } from '../scratch'

export function segmentAttention(
  o: usize,
  q: usize,
  k: usize,
  v: usize,
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
  const keys = scratchOf(part)
  const values = keys + tall * wide
  const scores = values + tall * wide // (longest, PANEL)
  const queries = scores + tall * PANEL // (headDim, PANEL)
  const sums = queries + ((wide * PANEL) << 2)
  const inverse = sums + ((wide * PANEL) << 2)

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
    packKeysTurned(values, v + kvAt, kvStride, length, headDim)
    for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (let first: u32 = 0; first < length; first += PANEL) {
        const at = (<usize>((start + first) * stride + head * headDim)) << 2
        turnIn(queries, q + at, stride, length - first, headDim, scale * OCTAVES)
        attendPanel(scores, keys, queries, first, headDim, inverse)
        multiplyPanel(sums, values, length, scores, headDim, min(first + PANEL, length))
        scaleColumns(sums, headDim, inverse)
        turnOut(o + at, stride, sums, length - first, headDim)
      }
    }
  }
}

/** x (count, PANEL) times a factor for each column. */
function scaleColumns(x: usize, count: u32, factors: usize): void {
  const a = v128.load(factors)
  const b = v128.load(factors, 16)
  for (const end = x + (count << 5); x < end; x += 32) {
    v128.store(x, f32x4.mul(v128.load(x), a))
    v128.store(x, f32x4.mul(v128.load(x, 16), b), 16)
  }
}
