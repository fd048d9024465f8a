import { blockBytes, groupAt, groupBytes, groupCount, putCode, takeCode, tileBytes } from './layout'
import { shareOf } from '../share'
import { fromAnyHalf } from '../elementwise/widen'

const FLOAT16: i32 = 1
const ZERO: i32 = 1
const OFFSET: i32 = 2

// @ts-ignore: decorator
@inline
function rowBytesOf(columns: u32, bits: u32): usize {
  return <usize>((<u64>columns * bits + 7) >> 3)
}

/** A number of `type` as float32 bits, all of them kept. */
// @ts-ignore: decorator
@inline
function wideBits(from: usize, at: u32, type: i32): u32 {
  if (type != FLOAT16) return load<u32>(from + (<usize>at << 2))
  return i32x4.extract_lane(fromAnyHalf(i32x4.splat(load<i16>(from + (<usize>at << 1)))), 0)
}

/** The inverse, for what was float16 before. */
// @ts-ignore: decorator
@inline
function putWideBits(to: usize, at: u32, type: i32, bits: u32): void {
  if (type != FLOAT16) {
    store<u32>(to + (<usize>at << 2), bits)
    return
  }
  const size = bits & 0x7fffffff
  let half: u32
  if (size >= 0x7f800000) half = 0x7c00 | ((size >> 13) & 0x3ff)
  else if (size >= 0x38800000) half = (size >> 13) - (112 << 10)
  else half = <u32>(reinterpret<f32>(size) * 16777216)
  store<u16>(to + (<usize>at << 1), half | ((bits >> 16) & 0x8000))
}

export function pack(
  stream: usize,
  codes: usize,
  scale: usize,
  shift: usize,
  rows: u32,
  columns: u32,
  bits: u32,
  group: u32,
  scaleType: i32,
  shiftKind: i32,
  part: u32,
  parts: u32,
): void {
  const groups = groupCount(columns, group)
  const width = blockBytes(bits)
  const size = tileBytes(columns, bits, group, shiftKind)
  const rowBytes = rowBytesOf(columns, bits)
  const mask = (1 << bits) - 1
  const end = shareOf((rows + 7) >> 3, part + 1, parts)
  for (let tile = shareOf((rows + 7) >> 3, part, parts); tile < end; tile++) {
    const to = stream + <usize>tile * size
    memory.fill(to, 0, size)
    for (let r: u32 = 0; r < min(8, rows - (tile << 3)); r++) {
      const row = (tile << 3) + r
      const from = codes + <usize>row * rowBytes
      for (let g: u32 = 0; g < groups; g++) {
        const at = to + groupAt(g, bits, group, shiftKind)
        store<u32>(at + (r << 2), wideBits(scale, row * groups + g, scaleType))
        if (shiftKind == ZERO) store<u8>(at + 32 + r, load<u8>(shift + row * groups + g))
        else if (shiftKind == OFFSET) store<u32>(at + 32 + (r << 2), wideBits(shift, row * groups + g, scaleType))
        const first = g * group
        const count = min(group, columns - first)
        const blocks = at + groupBytes(shiftKind)
        for (let c: u32 = 0; c < count; c++) {
          const bit = <u64>(first + c) * bits
          const code = (<u32>load<u16>(from + <usize>(bit >> 3)) >> (<u32>bit & 7)) & mask
          putCode(blocks + <usize>(c >> 5) * width, bits, r, c & 31, code)
        }
      }
    }
  }
}

export function unpack(
  codes: usize,
  scale: usize,
  shift: usize,
  stream: usize,
  rows: u32,
  columns: u32,
  bits: u32,
  group: u32,
  scaleType: i32,
  shiftKind: i32,
  start: u32,
  end: u32,
  part: u32,
  parts: u32,
): void {
  const groups = groupCount(columns, group)
  const width = blockBytes(bits)
  const size = tileBytes(columns, bits, group, shiftKind)
  const rowBytes = rowBytesOf(columns, bits)
  const last = shareOf(end - start, part + 1, parts)
  for (let i = shareOf(end - start, part, parts); i < last; i++) {
    const row = start + i
    const from = stream + <usize>(row >> 3) * size
    const r = row & 7
    let to = codes + <usize>i * rowBytes
    let buffer: u32 = 0
    let held: u32 = 0
    for (let g: u32 = 0; g < groups; g++) {
      const at = from + groupAt(g, bits, group, shiftKind)
      putWideBits(scale, i * groups + g, scaleType, load<u32>(at + (r << 2)))
      if (shiftKind == ZERO) store<u8>(shift + i * groups + g, load<u8>(at + 32 + r))
      else if (shiftKind == OFFSET) putWideBits(shift, i * groups + g, scaleType, load<u32>(at + 32 + (r << 2)))
      const count = min(group, columns - g * group)
      const blocks = at + groupBytes(shiftKind)
      for (let c: u32 = 0; c < count; c++) {
        buffer |= takeCode(blocks + <usize>(c >> 5) * width, bits, r, c & 31) << held
        held += bits
        while (held >= 8) {
          store<u8>(to++, buffer)
          buffer >>= 8
          held -= 8
        }
      }
    }
    if (held > 0) store<u8>(to, buffer)
  }
}
