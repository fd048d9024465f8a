import { scratchOf } from './scratch'
import { shareOf } from './share'

/** Working memory, in bytes from the part's own. */
const TABLE_AT: usize = 0 // (4096) symbol, frequency − 1 in 12 bits from bit 8, slot − start from bit 20
const SHUFFLE_AT: usize = 16384 // (16) vectors that hand out words to lanes
const LANES_AT: usize = SHUFFLE_AT + 256 // (256) states
const SLOTS_AT: usize = LANES_AT + 1024 // (32) addresses in the table

/** A state below this takes a word. */
const LOW: u32 = 0x10000

/** @returns whether the frequencies add up to 2^precision */
function fillTable(table: usize, frequencies: usize, precision: u32): bool {
  let start: u32 = 0
  const total: u32 = 1 << precision
  for (let s: u32 = 0; s < 256; s++) {
    const frequency = <u32>load<u16>(frequencies + (s << 1))
    if (frequency > total - start) return false
    for (let i: u32 = 0; i < frequency; i++) store<u32>(table + ((start + i) << 2), s | ((frequency - 1) << 8) | (i << 20))
    start += frequency
  }
  return start == total
}

/** For each set of lanes that take a word, the shuffle of the next words, each in a lane, that gives it to them. */
function fillShuffles(to: usize): void {
  for (let lanes: u32 = 0; lanes < 16; lanes++) {
    let next: u32 = 0
    for (let lane: u32 = 0; lane < 4; lane++) {
      const taken = (lanes >> lane) & 1
      const first = next << 2
      store<u32>(to + (lanes << 4) + (lane << 2), taken != 0 ? 0x03020100 + first * 0x01010101 : 0x80808080)
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
  fillShuffles(scratch + SHUFFLE_AT)
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
  const states = scratch + LANES_AT
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
  let lane: u32 = 0
  for (; done < count; done++) {
    const state = states + (lane << 2)
    let x = load<u32>(state)
    const entry = load<u32>(scratch + TABLE_AT + ((x & mask) << 2))
    store<u8>(out + done, entry)
    x = (((entry >> 8) & 0xfff) + 1) * (x >> precision) + (entry >> 20)
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

/** The table's entries at four addresses. */
// @ts-ignore: decorator
@inline
function entries(room: usize, addresses: v128): v128 {
  v128.store(room, addresses)
  let e = v128.load32_zero(<usize>load<u32>(room))
  e = v128.load32_lane(<usize>load<u32>(room, 4), e, 1)
  e = v128.load32_lane(<usize>load<u32>(room, 8), e, 2)
  return v128.load32_lane(<usize>load<u32>(room, 12), e, 3)
}

/** frequency · (x >>> precision) + slot − start */
// @ts-ignore: decorator
@inline
function advanced(x: v128, entry: v128, precision: u32): v128 {
  const frequency = i32x4.add(v128.and(i32x4.shr_u(entry, 8), i32x4.splat(0xfff)), i32x4.splat(1))
  return i32x4.add(i32x4.mul(frequency, i32x4.shr_u(x, precision)), i32x4.shr_u(entry, 20))
}

/** The lanes that are `taken` shifted, with the next words below. */
// @ts-ignore: decorator
@inline
function refilled(x: v128, taken: v128, at: usize, shuffle: usize): v128 {
  const words = i8x16.swizzle(v128.load16x4_u(at), v128.load(shuffle))
  return v128.bitselect(v128.or(i32x4.shl(x, 16), words), x, taken)
}

/**
 * Rounds of 32 lanes, four at a time in a vector, while all words that a round could take are there.
 *
 * @returns how many symbols are done
 */
// @ts-ignore: decorator
@inline
function wholeRounds(out: usize, count: u32, at: usize, end: usize, scratch: usize, precision: u32): u32 {
  const states = scratch + LANES_AT
  const slots = scratch + SLOTS_AT
  const shuffles = scratch + SHUFFLE_AT
  const table = i32x4.splat(<i32>(scratch + TABLE_AT))
  const mask = i32x4.splat(((1 << precision) - 1) << 2)
  const zero = i32x4.splat(0)
  const byte = i32x4.splat(0xff)
  let done: u32 = 0
  for (; done + 32 <= count && at + 64 <= end; done += 32, out += 32) {
    for (let l: usize = 0; l < 128; l += 64) {
      // All sixteen look up first, so that no lane waits for the words of those before it.
      const x0 = v128.load(states + l)
      const x1 = v128.load(states + l, 16)
      const x2 = v128.load(states + l, 32)
      const x3 = v128.load(states + l, 48)
      const e0 = entries(slots, i32x4.add(v128.and(i32x4.shl(x0, 2), mask), table))
      const e1 = entries(slots + 16, i32x4.add(v128.and(i32x4.shl(x1, 2), mask), table))
      const e2 = entries(slots + 32, i32x4.add(v128.and(i32x4.shl(x2, 2), mask), table))
      const e3 = entries(slots + 48, i32x4.add(v128.and(i32x4.shl(x3, 2), mask), table))
      const lower = i16x8.narrow_i32x4_u(v128.and(e0, byte), v128.and(e1, byte))
      const upper = i16x8.narrow_i32x4_u(v128.and(e2, byte), v128.and(e3, byte))
      v128.store(out + (l >> 2), i8x16.narrow_i16x8_u(lower, upper))

      let x = advanced(x0, e0, precision)
      let taken = i32x4.eq(i32x4.shr_u(x, 16), zero)
      let lanes = i32x4.bitmask(taken)
      v128.store(states + l, refilled(x, taken, at, shuffles + (lanes << 4)))
      at += popcnt(lanes) << 1
      x = advanced(x1, e1, precision)
      taken = i32x4.eq(i32x4.shr_u(x, 16), zero)
      lanes = i32x4.bitmask(taken)
      v128.store(states + l, refilled(x, taken, at, shuffles + (lanes << 4)), 16)
      at += popcnt(lanes) << 1
      x = advanced(x2, e2, precision)
      taken = i32x4.eq(i32x4.shr_u(x, 16), zero)
      lanes = i32x4.bitmask(taken)
      v128.store(states + l, refilled(x, taken, at, shuffles + (lanes << 4)), 32)
      at += popcnt(lanes) << 1
      x = advanced(x3, e3, precision)
      taken = i32x4.eq(i32x4.shr_u(x, 16), zero)
      lanes = i32x4.bitmask(taken)
      v128.store(states + l, refilled(x, taken, at, shuffles + (lanes << 4)), 48)
      at += popcnt(lanes) << 1
    }
  }
  reached = at
  return done
}
