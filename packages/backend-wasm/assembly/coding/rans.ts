import { scratchOf } from '../scratch'
import { shareOf } from '../share'

/** Working memory, in bytes from the part's own. */
const TABLE_AT: usize = 0 // (4096) slot − start, frequency − 1 in 12 bits from bit 12, symbol from bit 24
const HANDS_AT: usize = 16384 // (16, 2) vectors: a shuffle that hands out words to lanes, and what lanes are multiplied with
const LANES_AT: usize = HANDS_AT + 512 // (256) states, or (32) states and behind them addresses in the table
/** From states to the addresses that they look up. */
const SLOTS_BEHIND: usize = 128

/** Aligned so that one bit of an address tells the halves of 32 lanes apart. */
// @ts-ignore: decorator
@inline
function statesOf(scratch: usize): usize {
  return (scratch + LANES_AT + 127) & ~127
}

/** A state below this takes a word. */
const LOW: u32 = 0x10000

/** @returns whether the frequencies add up to 2^precision */
function fillTable(table: usize, frequencies: usize, precision: u32): bool {
  let start: u32 = 0
  const total: u32 = 1 << precision
  for (let s: u32 = 0; s < 256; s++) {
    const frequency = <u32>load<u16>(frequencies + (s << 1))
    if (frequency > total - start) return false
    for (let i: u32 = 0; i < frequency; i++) store<u32>(table + ((start + i) << 2), (s << 24) | ((frequency - 1) << 12) | i)
    start += frequency
  }
  return start == total
}

/** For each set of lanes that take a word, the shuffle that gives it to them out of the next words, and 2^16 for those lanes, 1 for others. */
function fillHands(to: usize): void {
  for (let lanes: u32 = 0; lanes < 16; lanes++, to += 32) {
    let next: u32 = 0
    for (let lane: u32 = 0; lane < 4; lane++) {
      const taken = (lanes >> lane) & 1
      store<u32>(to + (lane << 2), taken != 0 ? 0x80800100 + next * 0x0202 : 0x80808080)
      store<u32>(to + (lane << 2), taken != 0 ? 0x10000 : 1, 16)
      next += taken
    }
  }
}

export function ransDecode(
  symbols: usize,
  status: usize,
  stream: usize,
  frequencies: usize,
  offsets: usize,
  chunks: u32,
  chunkSymbols: u32,
  size: u32,
  precision: u32,
  lanes: u32,
  streamBytes: u32,
  part: u32,
  parts: u32,
): void {
  const scratch = scratchOf(part)
  const first = shareOf(chunks, part, parts)
  const last = shareOf(chunks, part + 1, parts)
  if (first == last) return
  if (precision > 12 || lanes == 0 || lanes > 256 || !fillTable(scratch + TABLE_AT, frequencies, precision)) {
    store<u32>(status, 1)
    return
  }
  fillHands(scratch + HANDS_AT)
  for (let c = first; c < last; c++) {
    const start = load<u32>(offsets + (<usize>c << 2))
    const end = load<u32>(offsets + (<usize>c << 2), 4)
    const from = <u64>c * chunkSymbols
    const count = from < size ? <u32>min<u64>(chunkSymbols, size - from) : 0
    const sound =
      start <= end &&
      end <= streamBytes &&
      decodeChunk(symbols + <usize>from, count, stream + start, stream + end, scratch, precision, lanes)
    if (!sound) store<u32>(status, 1)
  }
}

function decodeChunk(
  out: usize,
  count: u32,
  at: usize,
  end: usize,
  scratch: usize,
  precision: u32,
  lanes: u32,
): bool {
  if (<u32>(end - at) < lanes << 2) return false
  const states = statesOf(scratch)
  memory.copy(states, at, lanes << 2)
  at += lanes << 2
  let done: u32 = 0
  if (lanes == 32) {
    done =
      precision == 12
        ? roundsOfTwelve(out, count, at, end, scratch)
        : roundsOfAny(out, count, at, end, scratch, precision)
    at = reached
  }
  const mask = (1 << precision) - 1
  let lane = done % lanes
  for (; done < count; done++) {
    const state = states + (lane << 2)
    let x = load<u32>(state)
    const entry = load<u32>(scratch + TABLE_AT + ((x & mask) << 2))
    store<u8>(out + done, entry >> 24)
    x = (((entry >> 12) & 0xfff) + 1) * (x >> precision) + (entry & 0xfff)
    if (x < LOW) {
      if (at + 2 > end) return false
      x = (x << 16) | <u32>load<u16>(at)
      at += 2
    }
    store<u32>(state, x)
    if (++lane == lanes) lane = 0
  }
  let wrong: u32 = 0
  for (let l: u32 = 0; l < lanes; l++) wrong |= load<u32>(states + (l << 2)) ^ LOW
  return at == end && wrong == 0
}

/** A shift by a constant is one instruction, and 12 bits are what coders choose. */
function roundsOfTwelve(out: usize, count: u32, at: usize, end: usize, scratch: usize): u32 {
  return wholeRounds(out, count, at, end, scratch, 12)
}

function roundsOfAny(out: usize, count: u32, at: usize, end: usize, scratch: usize, precision: u32): u32 {
  return wholeRounds(out, count, at, end, scratch, precision)
}

/** Where `wholeRounds` stopped reading. */
let reached: usize = 0

/** The table's entries at the four addresses that lie at `slots`. */
// @ts-ignore: decorator
@inline
function entries(slots: usize): v128 {
  let e = v128.load32_zero(<usize>load<u32>(slots))
  e = v128.load32_lane(<usize>load<u32>(slots, 4), e, 1)
  e = v128.load32_lane(<usize>load<u32>(slots, 8), e, 2)
  return v128.load32_lane(<usize>load<u32>(slots, 12), e, 3)
}

/** frequency · (x >>> precision) + slot − start */
// @ts-ignore: decorator
@inline
function advanced(x: v128, entry: v128, precision: u32): v128 {
  const high = i32x4.shr_u(x, precision)
  const less = v128.and(i32x4.shr_u(entry, 12), i32x4.splat(0xfff))
  const rest = i32x4.add(v128.and(entry, i32x4.splat(0xfff)), high)
  return i32x4.add(i32x4.mul(less, high), rest)
}

/** Which lanes take a word. */
// @ts-ignore: decorator
@inline
function needy(x: v128): usize {
  return <usize>i32x4.bitmask(i32x4.eq(i32x4.shr_u(x, 16), i32x4.splat(0)))
}

/** The lanes that take a word times 2^16, with the next words below; then the addresses that they look up next. */
// @ts-ignore: decorator
@inline
function refill(state: usize, x: v128, lanes: usize, at: usize, hands: usize, mask: v128, table: v128): void {
  const hand = hands + (lanes << 5)
  const words = i8x16.swizzle(v128.load64_zero(at), v128.load(hand))
  const next = v128.or(i32x4.mul(x, v128.load(hand, 16)), words)
  v128.store(state, next)
  v128.store(state, i32x4.add(v128.and(i32x4.shl(next, 2), mask), table), SLOTS_BEHIND)
}

/**
 * Half rounds of 32 lanes, four lanes in a vector, while all words that one could take are there.
 *
 * @returns how many symbols are done
 */
// @ts-ignore: decorator
@inline
function wholeRounds(out: usize, count: u32, at: usize, end: usize, scratch: usize, precision: u32): u32 {
  const states = statesOf(scratch)
  const hands = scratch + HANDS_AT
  const table = i32x4.splat(<i32>(scratch + TABLE_AT))
  const mask = i32x4.splat(((1 << precision) - 1) << 2)
  for (let l: usize = 0; l < 128; l += 16) {
    v128.store(states + l, i32x4.add(v128.and(i32x4.shl(v128.load(states + l), 2), mask), table), SLOTS_BEHIND)
  }
  let done: u32 = 0
  let state = states
  for (; done + 16 <= count && at + 32 <= end; done += 16, out += 16, state ^= 64) {
    // All sixteen look up first, so that no lane waits for the words of those before it.
    const e0 = entries(state + SLOTS_BEHIND)
    const e1 = entries(state + SLOTS_BEHIND + 16)
    const e2 = entries(state + SLOTS_BEHIND + 32)
    const e3 = entries(state + SLOTS_BEHIND + 48)
    const lower = i16x8.narrow_i32x4_u(i32x4.shr_u(e0, 24), i32x4.shr_u(e1, 24))
    const upper = i16x8.narrow_i32x4_u(i32x4.shr_u(e2, 24), i32x4.shr_u(e3, 24))
    v128.store(out, i8x16.narrow_i16x8_u(lower, upper))

    let x = advanced(v128.load(state), e0, precision)
    let lanes = needy(x)
    refill(state, x, lanes, at, hands, mask, table)
    at += popcnt(lanes) << 1
    x = advanced(v128.load(state, 16), e1, precision)
    lanes = needy(x)
    refill(state + 16, x, lanes, at, hands, mask, table)
    at += popcnt(lanes) << 1
    x = advanced(v128.load(state, 32), e2, precision)
    lanes = needy(x)
    refill(state + 32, x, lanes, at, hands, mask, table)
    at += popcnt(lanes) << 1
    x = advanced(v128.load(state, 48), e3, precision)
    lanes = needy(x)
    refill(state + 48, x, lanes, at, hands, mask, table)
    at += popcnt(lanes) << 1
  }
  reached = at
  return done
}
