import { centreShifts, fetch, fetchNumbers, inIntegers, KEYS, loadNumbers, setCodes, widenCodes } from './cache-codes'
import { addFloats, floatScores } from './cache-floats'
import { codeScores, quantizeQuery } from './cache-keys'
import { addCodes, directRoom } from './cache-values'
import { expBelow, logOf, tanh4 } from '../elementwise/exponential'
import { GEMM_BYTES, multiply } from '../products/gemm'
import { scaleRow } from '../rows/softmax-norm'
import { scratchOf } from '../scratch'
import { shareOf } from '../share'
import { widen } from '../elementwise/widen'

const FLOAT32: i32 = 0
const FLOAT16: i32 = 1
const CODES8: i32 = 2

const TRANSPOSE_B: u32 = 2
const ACCUMULATE: u32 = 4

/** Rows (queries of the heads that share keys) at a time. */
const ROWS: u32 = 32
/** Up to so many rows multiply codes as they are; more have them widened once for all. */
const FEW: u32 = 3

/** Up to so many rows of queries stream floats, two at a time; more have them packed. */
const STREAMING: u32 = 8

/** Working memory, in bytes from the part's own; the rest depends on the head. */
const STATE_AT: usize = GEMM_BYTES // (ROWS): largest score (float32), sum (float64)
const SCORES_AT: usize = STATE_AT + 512 // (ROWS, KEYS)
const REST_AT: usize = SCORES_AT + 32768

export function attention(
  o: usize,
  lse: usize,
  q: usize,
  k: usize,
  v: usize,
  kScale: usize,
  vScale: usize,
  kShift: usize,
  vShift: usize,
  logWeight: usize,
  heads: u32,
  kvHeads: u32,
  queries: u32,
  headDim: u32,
  length: u32,
  capacity: u32,
  type: i32,
  group: u32,
  scaleType: i32,
  shiftKind: i32,
  constant: f32,
  scale: f32,
  causal: u32,
  window: u32,
  softcap: f32,
  part: u32,
  parts: u32,
): void {
  if (heads == 0 || queries == 0 || kvHeads == 0) return
  const each = (heads / kvHeads) * queries
  const blocks = (each + ROWS - 1) / ROWS
  const rowBytes: usize =
    type == FLOAT32 ? <usize>headDim << 2 : type == FLOAT16 ? <usize>headDim << 1 : type == CODES8 ? headDim : (headDim + 1) >> 1
  const rowFloats = <usize>headDim << 2
  const codes = type >= CODES8
  if (codes) setCodes(type == CODES8 ? 8 : 4, headDim, group, shiftKind, constant)
  const groups = codes ? (group >= headDim ? 1 : (headDim + group - 1) / group) : 0

  const scratch = scratchOf(part)
  const state = scratch + STATE_AT
  const scores = scratch + SCORES_AT
  const strip = scratch + REST_AT // (KEYS, headDim)
  const numbers = strip + (<usize>(KEYS * headDim) << 2) + 64 // scales and shifts (KEYS, groups)
  const room = numbers + (<usize>(2 * KEYS * groups) << 2) + 64
  const units = room + directRoom() + 64 // (FEW) what an integer of a query counts
  const sums = units + 16 // (FEW, groups) what those of a group add up to
  const integers = sums + (<usize>(FEW * groups) << 2) // (FEW, headDim)

  const end = shareOf(kvHeads * blocks, part + 1, parts)
  for (let unit = shareOf(kvHeads * blocks, part, parts); unit < end; unit++) {
    const kv = unit / blocks
    const first = (unit % blocks) * ROWS
    const rows = min(ROWS, each - first)
    const row0 = kv * each + first
    const out = o + (<usize>(row0 * headDim) << 2)
    const query = q + (<usize>(row0 * headDim) << 2)
    const direct = codes && rows <= FEW && inIntegers()
    const streamed = !codes && rows <= STREAMING && headDim % 4 == 0
    memory.fill(out, 0, <usize>(rows * headDim) << 2)
    let begin = length
    let visible: u32 = 0
    for (let r: u32 = 0; r < rows; r++) {
      f32.store(state + (r << 4), -f32.POSITIVE_INFINITY)
      f64.store(state + (r << 4), 0, 8)
      const position = length - queries + (first + r) % queries
      begin = min(begin, seenFrom(position, length, window))
      visible = max(visible, seenUntil(position, length, causal, window))
      if (direct) {
        const unit = quantizeQuery(integers + (<usize>(r * headDim) << 1), sums + (<usize>(r * groups) << 2), query + (<usize>(r * headDim) << 2))
        f32.store(units + (r << 2), unit)
      }
    }
    for (let j = begin; j < visible; j += KEYS) {
      const count = min(KEYS, visible - j)
      const at = kv * capacity + j
      const keys = k + <usize>at * rowBytes
      const values = v + <usize>at * rowBytes

      if (codes) loadNumbers(numbers, kScale, kShift, scaleType, at, count)
      if (direct) {
        store<u32>(room, fetch(values, <usize>count * rowBytes) + fetchNumbers(vScale, vShift, scaleType, at, count))
        centreShifts(count)
        for (let r: u32 = 0; r < rows; r++) {
          const x = integers + (<usize>(r * headDim) << 1)
          codeScores(scores + (<usize>(r * KEYS) << 2), keys, x, f32.load(units + (r << 2)), sums + (<usize>(r * groups) << 2), count)
        }
      } else {
        const b = floatsOf(strip, keys, count * headDim, count, type)
        if (streamed) {
          for (let r: u32 = 0; r < rows; r += 2) {
            const x = query + (<usize>(r * headDim) << 2)
            floatScores(scores + (<usize>(r * KEYS) << 2), KEYS, x, r + 1 < rows ? x + rowFloats : 0, b, rowFloats, count)
          }
        } else multiply(scores, KEYS, query, headDim, b, headDim, rows, count, headDim, TRANSPOSE_B, scratch)
      }

      for (let r: u32 = 0; r < rows; r++) {
        const position = length - queries + (first + r) % queries
        const from = min(count, max(seenFrom(position, length, window), j) - j)
        const until = min(count, max(seenUntil(position, length, causal, window), j) - j)
        const bias: usize = logWeight == 0 ? 0 : logWeight + (<usize>at << 2)
        const kept = weigh(scores + (<usize>(r * KEYS) << 2), state + (r << 4), bias, scale, softcap, from, until, count)
        if (kept != 1) scaleRow(out + (<usize>(r * headDim) << 2), out + (<usize>(r * headDim) << 2), headDim, kept)
      }

      if (codes) loadNumbers(numbers, vScale, vShift, scaleType, at, count)
      if (direct) {
        const next = min(KEYS, visible - j - count)
        store<u32>(room, fetch(keys + <usize>count * rowBytes, <usize>next * rowBytes) + fetchNumbers(kScale, kShift, scaleType, at + count, next))
        centreShifts(count)
        for (let r: u32 = 0; r < rows; r++) {
          addCodes(out + (<usize>(r * headDim) << 2), values, scores + (<usize>(r * KEYS) << 2), count, room)
        }
      } else {
        const b = floatsOf(strip, values, count * headDim, count, type)
        if (streamed) {
          for (let r: u32 = 0; r < rows; r += 2) {
            const y = out + (<usize>(r * headDim) << 2)
            addFloats(y, r + 1 < rows ? y + rowFloats : 0, scores + (<usize>(r * KEYS) << 2), KEYS, b, rowFloats, count)
          }
        } else multiply(out, headDim, scores, KEYS, b, headDim, rows, headDim, count, ACCUMULATE, scratch)
      }
    }
    for (let r: u32 = 0; r < rows; r++) {
      const sum = f64.load(state + (r << 4), 8)
      const row = out + (<usize>(r * headDim) << 2)
      if (sum != 0) scaleRow(row, row, headDim, <f32>(1 / sum))
      if (lse == 0) continue
      const most = f32.load(state + (r << 4))
      const shift: f64 = most == -f32.POSITIVE_INFINITY ? 0 : most
      const total = sum == 0 ? -f64.POSITIVE_INFINITY : sum == sum ? shift + logOf(<f32>sum) : f64.NaN
      f32.store(lse + (<usize>(row0 + r) << 2), <f32>total)
    }
  }
}

/** The first key that a query at a position, which may be before all keys, sees; a window of 0 is none. */
// @ts-ignore: decorator
@inline
function seenFrom(position: i32, length: u32, window: u32): u32 {
  return window == 0 ? 0 : within(position - <i32>window + 1, length)
}

/** The key past the last that it sees. */
// @ts-ignore: decorator
@inline
function seenUntil(position: i32, length: u32, causal: u32, window: u32): u32 {
  if (causal != 0) return within(position + 1, length)
  return window == 0 ? length : within(position + <i32>window, length)
}

// @ts-ignore: decorator
@inline
function within(key: i32, length: u32): u32 {
  return key > 0 ? min(length, <u32>key) : 0
}

/** Rows as floats: where they are, or widened. */
function floatsOf(strip: usize, rows: usize, size: u32, count: u32, type: i32): usize {
  if (type == FLOAT32) return rows
  if (type == FLOAT16) widen(strip, rows, 0, size, 1)
  else widenCodes(strip, rows, count)
  return strip
}

/**
 * Turns scores of keys from `from` to before `until` into weights relative to the largest score so far, and others up
 * to `count` into zeros.
 *
 * @param state  the largest score (float32) and the sum of weights (float64, 8 bytes on) so far
 * @returns what earlier weights are to be multiplied with
 */
function weigh(
  scores: usize,
  state: usize,
  bias: usize,
  scale: f32,
  softcap: f32,
  from: u32,
  until: u32,
  count: u32,
): f32 {
  const hidden = f32x4.splat(-f32.POSITIVE_INFINITY)
  const capped = softcap > 0
  const caps = f32x4.splat(softcap)
  const factors = f32x4.splat(capped ? scale / softcap : scale)
  const lanes = i32x4(0, 1, 2, 3)
  // Scores that are not numbers do not count here, and show in the sum.
  let most = hidden
  for (let j: u32 = 0; j < count; j += 4) {
    let s = f32x4.mul(v128.load(scores + (j << 2)), factors)
    if (capped) s = f32x4.mul(tanh4(s), caps)
    if (bias != 0) {
      const added = v128.load(bias + (j << 2))
      s = v128.bitselect(hidden, f32x4.add(s, added), f32x4.eq(added, hidden))
    }
    if (j + 4 > until) s = v128.bitselect(s, hidden, i32x4.lt_s(lanes, i32x4.splat(<i32>until - <i32>j)))
    if (j < from) s = v128.bitselect(hidden, s, i32x4.lt_s(lanes, i32x4.splat(<i32>from - <i32>j)))
    v128.store(scores + (j << 2), s)
    most = f32x4.pmax(most, s)
  }
  const before = f32.load(state)
  let largest = before
  largest = f32x4.extract_lane(most, 0) > largest ? f32x4.extract_lane(most, 0) : largest
  largest = f32x4.extract_lane(most, 1) > largest ? f32x4.extract_lane(most, 1) : largest
  largest = f32x4.extract_lane(most, 2) > largest ? f32x4.extract_lane(most, 2) : largest
  largest = f32x4.extract_lane(most, 3) > largest ? f32x4.extract_lane(most, 3) : largest
  f32.store(state, largest)
  // Where nothing is seen, exp(−∞ − 0) adds up to 0.
  const shift = f32x4.splat(largest == -f32.POSITIVE_INFINITY ? 0 : largest)
  let sum = f32x4.splat(0)
  for (let j: u32 = 0; j < count; j += 4) {
    const weight = expBelow(f32x4.sub(v128.load(scores + (j << 2)), shift))
    v128.store(scores + (j << 2), weight)
    sum = f32x4.add(sum, weight)
  }
  const kept: f32 =
    before == largest ? 1 : f32x4.extract_lane(expBelow(f32x4.splat(before - largest)), 0)
  const total =
    f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3)
  f64.store(state, f64.load(state, 8) * <f64>kept + <f64>total, 8)
  return kept
}
