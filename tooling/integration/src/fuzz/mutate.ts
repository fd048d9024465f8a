import type { Rng } from '@tersor/core-tensor'
import { mutateJson } from './mutate-json.ts'

/** Numbers that lengths, counts and offsets go wrong at. */
const EDGES = [
  ...[0n, 1n, 2n, 7n, 8n, 31n, 63n, 64n, 255n, 256n, 65535n, 65536n, 2n ** 24n, 2n ** 31n - 1n, 2n ** 31n],
  ...[2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
]

/** What stands in headers that are text, and what breaks them. */
const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  'null',
  'true',
  '-1',
  '0.5',
  '1e999',
  '""',
  "'",
  '(',
  ')',
  '\\',
  '\n',
]

/** A file never grows beyond this, so that millions are read in minutes. */
const MAX_BYTES = 2 ** 18

/**
 * A changed copy of a file: from one to four changes, each of bits, words, varints, ranges, digits, tokens or whole JSON
 * values. The same numbers give the same changes.
 *
 * @param others  files of the same format, to take pieces from
 */
export function mutate(file: Uint8Array, others: readonly Uint8Array[], rng: Rng): Uint8Array {
  let bytes = file
  // One change gets further into a reader than several.
  for (let changes = rng.integer(3) < 2 ? 1 : 2 + rng.integer(3); changes > 0; changes--) {
    if (bytes.length === 0 || bytes.length > MAX_BYTES) break
    bytes = pick(CHANGES, rng)(bytes, rng, others)
  }
  return bytes.length > MAX_BYTES ? bytes.subarray(0, MAX_BYTES) : bytes
}

type Change = (bytes: Uint8Array, rng: Rng, others: readonly Uint8Array[]) => Uint8Array

const CHANGES: readonly Change[] = [
  flipBit,
  setByte,
  setWord,
  setLength,
  setLength,
  setVarint,
  cut,
  remove,
  repeat,
  insert,
  splice,
  setNumber,
  setNumber,
  setToken,
  changeJson,
  changeJson,
]

function flipBit(bytes: Uint8Array, rng: Rng): Uint8Array {
  const at = place(bytes, rng)
  return bytes.with(at, bytes[at]! ^ (1 << rng.integer(8)))
}

function setByte(bytes: Uint8Array, rng: Rng): Uint8Array {
  return bytes.with(place(bytes, rng), rng.integer(256))
}

function setWord(bytes: Uint8Array, rng: Rng): Uint8Array {
  const width = pick([1, 2, 4, 8], rng)
  const word = wordOf(pick(EDGES, rng)).subarray(0, width)
  return replaced(bytes, place(bytes, rng), width, rng.integer(4) === 0 ? word.toReversed() : word)
}

/** Sets what looks like a length: a small number in four or eight bytes, the least significant first. */
function setLength(bytes: Uint8Array, rng: Rng): Uint8Array {
  const start = place(bytes, rng)
  for (let step = 0; step < Math.min(bytes.length, 4096); step++) {
    const at = (start + step) % bytes.length
    const zeros = bytes.subarray(at + 2, at + 4)
    if (bytes[at] === 0 || zeros.length < 2 || zeros[0] !== 0 || zeros[1] !== 0) continue
    const width = bytes.subarray(at + 4, at + 8).every(byte => byte === 0) ? 8 : 4
    const near = BigInt(bytes[at]!) + BigInt(rng.integer(9)) - 4n
    const value = rng.integer(3) === 0 && near >= 0n ? near : pick(EDGES, rng)
    return replaced(bytes, at, width, wordOf(value).subarray(0, width))
  }
  return setWord(bytes, rng)
}

/** Seven bits a byte, as protocol buffers have them; sometimes of more bytes than a number has. */
function setVarint(bytes: Uint8Array, rng: Rng): Uint8Array {
  const at = place(bytes, rng)
  let end = at
  while (end < bytes.length - 1 && bytes[end]! & 0x80) end++
  const varint: number[] = []
  for (let value = pick(EDGES, rng); ; value >>= 7n) {
    varint.push(Number(value & 0x7fn) | (value > 0x7fn ? 0x80 : 0))
    if (value <= 0x7fn) break
  }
  if (rng.integer(4) === 0)
    varint.splice(-1, 1, varint.at(-1)! | 0x80, ...Array(rng.integer(12)).fill(0x80), 0)
  return replaced(bytes, at, end + 1 - at, varint)
}

function cut(bytes: Uint8Array, rng: Rng): Uint8Array {
  return bytes.subarray(0, place(bytes, rng))
}

function remove(bytes: Uint8Array, rng: Rng): Uint8Array {
  return replaced(bytes, place(bytes, rng), length(rng), [])
}

function repeat(bytes: Uint8Array, rng: Rng): Uint8Array {
  const at = place(bytes, rng)
  const piece = bytes.subarray(at, at + length(rng))
  const times = rng.integer(8) === 0 ? 1 + rng.integer(64) : 1
  return replaced(bytes, at, 0, Array.from({ length: times }, () => [...piece]).flat())
}

function insert(bytes: Uint8Array, rng: Rng): Uint8Array {
  const piece = Uint8Array.from({ length: 1 + rng.integer(16) }, () => rng.integer(256))
  return replaced(bytes, place(bytes, rng), 0, piece)
}

/** Puts a piece of another file, or of another place, over or between what is there. */
function splice(bytes: Uint8Array, rng: Rng, others: readonly Uint8Array[]): Uint8Array {
  const other = others.length === 0 ? bytes : pick(others, rng)
  if (other.length === 0) return bytes
  const from = place(other, rng)
  const piece = other.subarray(from, from + length(rng))
  return replaced(bytes, place(bytes, rng), rng.integer(2) === 0 ? piece.length : 0, piece)
}

/** Sets the first decimal number at a place or behind it. */
function setNumber(bytes: Uint8Array, rng: Rng): Uint8Array {
  const start = place(bytes, rng)
  const isDigit = (i: number) => bytes[i]! >= 0x30 && bytes[i]! <= 0x39
  let at = start
  while (at < bytes.length && at < start + 4096 && !isDigit(at)) at++
  if (at === bytes.length || !isDigit(at)) return setWord(bytes, rng)
  let end = at
  while (end < bytes.length && isDigit(end)) end++
  const number = pick([...EDGES.map(String), '-1', '0.5', '1e308', '1e30', '-0'], rng)
  return withHeader(bytes, replaced(bytes, at, end - at, new TextEncoder().encode(number)))
}

function setToken(bytes: Uint8Array, rng: Rng): Uint8Array {
  const token = new TextEncoder().encode(pick(TOKENS, rng))
  return withHeader(bytes, replaced(bytes, place(bytes, rng), rng.integer(2), token))
}

/** Changes the JSON that a file is, or that stands behind its length at the start, as in safetensors. */
function changeJson(bytes: Uint8Array, rng: Rng): Uint8Array {
  const [start, end] = jsonIn(bytes)
  if (start === end) return setLength(bytes, rng)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)))
  } catch {
    return setToken(bytes, rng)
  }
  const text = new TextEncoder().encode(JSON.stringify(mutateJson(value, rng)) ?? '')
  return withHeader(bytes, replaced(bytes, start, end - start, text))
}

function jsonIn(bytes: Uint8Array): readonly [start: number, end: number] {
  if (bytes[0] === 0x7b || bytes[0] === 0x5b) return [0, bytes.length]
  if (bytes[8] !== 0x7b) return [0, 0]
  const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  return [8, Math.min(8 + header, bytes.length)]
}

/** What was changed, with the length at its start as long as the change made the header of safetensors. */
function withHeader(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (before[8] !== 0x7b || after.length < 8) return after
  const length = new DataView(before.buffer, before.byteOffset).getBigUint64(0, true)
  const grown = BigInt(after.length - before.length)
  if (length + grown < 0n) return after
  return replaced(after, 0, 8, wordOf(length + grown))
}

function replaced(bytes: Uint8Array, at: number, count: number, by: Iterable<number>): Uint8Array {
  const piece = Uint8Array.from(by)
  const rest = bytes.subarray(Math.min(at + count, bytes.length))
  const result = new Uint8Array(at + piece.length + rest.length)
  result.set(bytes.subarray(0, at))
  result.set(piece, at)
  result.set(rest, at + piece.length)
  return result
}

function wordOf(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer)
}

/** Half of all places in the first kilobyte, where headers are. */
function place(bytes: Uint8Array, rng: Rng): number {
  return rng.integer(rng.integer(2) === 0 ? Math.min(bytes.length, 1024) : bytes.length)
}

function length(rng: Rng): number {
  return 1 + rng.integer(rng.integer(4) === 0 ? 512 : 24)
}

function pick<T>(items: readonly T[], rng: Rng): T {
  return items[rng.integer(items.length)]!
}
