import { quantizeRow, segmentCount } from './activations'
import { blockBytes, groupBytes, groupCount, nibblesOf, SEGMENT_BLOCKS, tileBytes } from './layout'

const ZERO: i32 = 1
const OFFSET: i32 = 2
const CONSTANT: i32 = 3

/** Rows of activations that are quantised at a time; `src/primitive-table.ts` knows it too. */
const ROWS: u32 = 32
/** Tiles of eight rows of the weight that share a pass over the activations. */
const TILES: u32 = 4

/** Working memory, in bytes from the part's own. */
const SUMS_AT: usize = 0 // (32, 32) float32
const NUMBERS_AT: usize = 4096 // (TILES, 8 segments): scales (8) and offsets (8)
const BLOCKS_AT: usize = NUMBERS_AT + 2048 // (8) how many blocks each segment of the chunk has
const WEIGHTS_AT: usize = BLOCKS_AT + 64 // (TILES, 8 blocks, 16 pairs of columns, 8 rows, 2) int16
const UNITS_AT: usize = WEIGHTS_AT + 16384 // (quads of rows, segments, 4) unit and sum; then the activations

export function linearPackedMany(
  y: usize,
  x: usize,
  stream: usize,
  m: u32,
  n: u32,
  k: u32,
  bits: u32,
  group: u32,
  shiftKind: i32,
  constant: i32,
  accumulate: bool,
  start: u32,
  end: u32,
  scratch: usize,
): void {
  const segments = segmentCount(k, group)
  const size = tileBytes(k, bits, group, shiftKind)
  const quadNumbers = <usize>segments << 5
  // A power of two would put all rows at the same place of the cache.
  const quadBytes = (<usize>((k + 31) >> 5) << 8) + 320
  const units = scratch + UNITS_AT
  const quantized = units + <usize>(min(ROWS, m + 3) >> 2) * quadNumbers
  for (let i0: u32 = 0; i0 < m; i0 += ROWS) {
    const rows = min(ROWS, m - i0)
    const quads = (rows + 3) >> 2
    // Rows that are missing in the last four count as zeros, and are not stored.
    memory.fill(quantized + <usize>(quads - 1) * quadBytes, 0, quadBytes)
    memory.fill(units + <usize>(quads - 1) * quadNumbers, 0, quadNumbers)
    for (let i: u32 = 0; i < rows; i++) {
      const lane = (i & 3) << 2
      quantizeRow(
        quantized + <usize>(i >> 2) * quadBytes + lane,
        16,
        units + <usize>(i >> 2) * quadNumbers + (lane << 1),
        32,
        x + (<usize>((i0 + i) * k) << 2),
        k,
        group,
        32767,
      )
    }
    for (let tile = start; tile < end; tile += TILES) {
      const tiles = min(TILES, end - tile)
      memory.fill(scratch + SUMS_AT, 0, <usize>quads << 9)
      columnsOf(stream + <usize>tile * size, size, tiles, quads, k, bits, group, shiftKind, constant, scratch, quantized, quadBytes, units, quadNumbers)
      storeRows(y + (<usize>(i0 * n + (tile << 3)) << 2), n, scratch + SUMS_AT, rows, min(tiles << 3, n - (tile << 3)), accumulate)
    }
  }
}

/** All columns of up to four tiles, a chunk of up to eight blocks at a time. */
function columnsOf(
  tile: usize,
  size: usize,
  tiles: u32,
  quads: u32,
  k: u32,
  bits: u32,
  group: u32,
  shiftKind: i32,
  constant: i32,
  scratch: usize,
  quantized: usize,
  quadBytes: usize,
  units: usize,
  quadNumbers: usize,
): void {
  const groups = groupCount(k, group)
  const segmentsAt = scratch + BLOCKS_AT
  let at: usize = 0 // in the tile
  let header: usize = 0
  let g: u32 = 0
  let rest: u32 = 0 // blocks of the group that are left
  let blocksDone: usize = 0
  let segmentsDone: usize = 0
  while (g < groups || rest > 0) {
    let chunkSegments: u32 = 0
    let chunkBlocks: u32 = 0
    while (g < groups || rest > 0) {
      if (rest == 0) {
        const blocks = ((groups == 1 ? k : min(group, k - g * group)) + 31) >> 5
        if (chunkBlocks > 0 && chunkBlocks + min(blocks, SEGMENT_BLOCKS) > SEGMENT_BLOCKS) break
        header = at
        at += groupBytes(shiftKind)
        rest = blocks
        g++
      }
      const blocks = min(rest, SEGMENT_BLOCKS)
      if (chunkBlocks + blocks > SEGMENT_BLOCKS) break
      for (let t: u32 = 0; t < tiles; t++) {
        const from = tile + <usize>t * size
        const numbers = scratch + NUMBERS_AT + (((t << 3) + chunkSegments) << 6)
        v128.store(numbers, v128.load(from + header))
        v128.store(numbers, v128.load(from + header, 16), 16)
        if (shiftKind == OFFSET) {
          v128.store(numbers, v128.load(from + header, 32), 32)
          v128.store(numbers, v128.load(from + header, 48), 48)
        }
        const to = scratch + WEIGHTS_AT + (<usize>((t << 3) + chunkBlocks) << 9)
        unpackBlocks(to, from + at, from + header, blocks, bits, shiftKind, constant)
      }
      store<u32>(segmentsAt + (chunkSegments << 2), blocks)
      chunkSegments++
      chunkBlocks += blocks
      at += <usize>blocks * blockBytes(bits)
      rest -= blocks
    }
    for (let quad: u32 = 0; quad < quads; quad++) {
      const q = quantized + <usize>quad * quadBytes + (blocksDone << 8)
      const numbers = units + <usize>quad * quadNumbers + (segmentsDone << 5)
      for (let t: u32 = 0; t < tiles; t++) {
        const sums = scratch + SUMS_AT + (<usize>quad << 9) + (<usize>t << 5)
        const w = scratch + WEIGHTS_AT + (<usize>t << 12)
        segmentsOf(sums, w, q, chunkSegments, segmentsAt, scratch + NUMBERS_AT + (t << 9), numbers, shiftKind == OFFSET)
      }
    }
    blocksDone += chunkBlocks
    segmentsDone += chunkSegments
  }
}

/** Codes less their zero as 16-bit integers, pair of columns after pair: rows 0 to 3, rows 4 to 7. */
function unpackBlocks(
  to: usize,
  from: usize,
  header: usize,
  blocks: u32,
  bits: u32,
  shiftKind: i32,
  constant: i32,
): void {
  let zero0 = i16x8.splat(shiftKind == CONSTANT ? <i16>constant : 0)
  let zero1 = zero0
  if (shiftKind == ZERO) {
    // Each zero serves two lanes.
    const bytes = v128.load64_zero(header + 32)
    zero0 = i16x8.extend_low_i8x16_u(i8x16.shuffle(bytes, bytes, 0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0))
    zero1 = i16x8.extend_low_i8x16_u(i8x16.shuffle(bytes, bytes, 4, 4, 5, 5, 6, 6, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0))
  }
  for (let b: u32 = 0; b < blocks; b++, to += 512, from += blockBytes(bits)) {
    if (bits > 4) {
      for (let i: u32 = 0; i < 8; i++) {
        const at = to + (i << 6)
        const v0 = v128.load(from + (i << 5))
        const v1 = v128.load(from + (i << 5), 16)
        v128.store(at, i16x8.sub(v128.and(v0, i16x8.splat(255)), zero0))
        v128.store(at, i16x8.sub(v128.and(v1, i16x8.splat(255)), zero1), 16)
        v128.store(at, i16x8.sub(i16x8.shr_u(v0, 8), zero0), 32)
        v128.store(at, i16x8.sub(i16x8.shr_u(v1, 8), zero1), 48)
      }
    } else if (bits == 4) unpackNibbles(4, to, from, zero0, zero1)
    else if (bits == 3) unpackNibbles(3, to, from, zero0, zero1)
    else if (bits == 2) unpackNibbles(2, to, from, zero0, zero1)
    else unpackNibbles(1, to, from, zero0, zero1)
  }
}

// @ts-ignore: decorator
@inline
function unpackNibbles(bits: u32, to: usize, from: usize, zero0: v128, zero1: v128): void {
  spread(to, nibblesOf(bits, from, 0, 0), nibblesOf(bits, from, 0, 1), zero0, zero1)
  spread(to + 128, nibblesOf(bits, from, 1, 0), nibblesOf(bits, from, 1, 1), zero0, zero1)
  spread(to + 256, nibblesOf(bits, from, 2, 0), nibblesOf(bits, from, 2, 1), zero0, zero1)
  spread(to + 384, nibblesOf(bits, from, 3, 0), nibblesOf(bits, from, 3, 1), zero0, zero1)
}

function spread(to: usize, v0: v128, v1: v128, zero0: v128, zero1: v128): void {
  const mask = i16x8.splat(15)
  v128.store(to, i16x8.sub(v128.and(v0, mask), zero0))
  v128.store(to, i16x8.sub(v128.and(v1, mask), zero1), 16)
  v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(v0, 4), mask), zero0), 32)
  v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(v1, 4), mask), zero1), 48)
  v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(v0, 8), mask), zero0), 64)
  v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(v1, 8), mask), zero1), 80)
  v128.store(to, i16x8.sub(i16x8.shr_u(v0, 12), zero0), 96)
  v128.store(to, i16x8.sub(i16x8.shr_u(v1, 12), zero1), 112)
}

/**
 * The segments of a chunk for four rows of activations and eight of the weight.
 *
 * @param sums  (4, 32) float32, of which this tile has eight in a row
 * @param lengths  blocks of each segment
 * @param scales  (segments, 16): scales (8) and offsets (8)
 * @param units  (segments, 4): unit and sum of the activations
 */
function segmentsOf(
  sums: usize,
  w: usize,
  q: usize,
  segments: u32,
  lengths: usize,
  scales: usize,
  units: usize,
  offsets: bool,
): void {
  for (let s: u32 = 0; s < segments; s++, scales += 64, units += 32) {
    let a0 = i32x4.splat(0)
    let a1 = a0
    let b0 = a0
    let b1 = a0
    let c0 = a0
    let c1 = a0
    let d0 = a0
    let d1 = a0
    const end = q + (<usize>load<u32>(lengths + (s << 2)) << 8)
    // The tests in the middle end a block, as in `products/tile.ts`; the count of pairs is a multiple of four.
    while (true) {
      let w0 = v128.load(w)
      let w1 = v128.load(w, 16)
      let x = v128.load32_splat(q)
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w0, x))
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w1, x))
      x = v128.load32_splat(q, 4)
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w0, x))
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w1, x))
      x = v128.load32_splat(q, 8)
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w0, x))
      c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w1, x))
      x = v128.load32_splat(q, 12)
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(w0, x))
      d1 = i32x4.add(d1, i32x4.dot_i16x8_s(w1, x))
      if (q == 0) break
      w0 = v128.load(w, 32)
      w1 = v128.load(w, 48)
      x = v128.load32_splat(q, 16)
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w0, x))
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w1, x))
      x = v128.load32_splat(q, 20)
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w0, x))
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w1, x))
      x = v128.load32_splat(q, 24)
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w0, x))
      c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w1, x))
      x = v128.load32_splat(q, 28)
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(w0, x))
      d1 = i32x4.add(d1, i32x4.dot_i16x8_s(w1, x))
      q += 32
      w += 64
      if (q == end) break
    }
    const s0 = v128.load(scales)
    const s1 = v128.load(scales, 16)
    addScaled(sums, a0, a1, s0, s1, v128.load32_splat(units))
    addScaled(sums + 128, b0, b1, s0, s1, v128.load32_splat(units, 8))
    addScaled(sums + 256, c0, c1, s0, s1, v128.load32_splat(units, 16))
    addScaled(sums + 384, d0, d1, s0, s1, v128.load32_splat(units, 24))
    if (offsets) addOffsets(sums, scales + 32, units)
  }
}

function addOffsets(sums: usize, offsets: usize, units: usize): void {
  const o0 = v128.load(offsets)
  const o1 = v128.load(offsets, 16)
  for (let r: u32 = 0; r < 4; r++, sums += 128, units += 8) {
    const total = f32x4.mul(v128.load32_splat(units), f32x4.convert_i32x4_s(v128.load32_splat(units, 4)))
    v128.store(sums, f32x4.add(v128.load(sums), f32x4.mul(o0, total)))
    v128.store(sums, f32x4.add(v128.load(sums, 16), f32x4.mul(o1, total)), 16)
  }
}

// @ts-ignore: decorator
@inline
function addScaled(sums: usize, low: v128, high: v128, s0: v128, s1: v128, unit: v128): void {
  v128.store(sums, f32x4.add(v128.load(sums), f32x4.mul(f32x4.convert_i32x4_s(low), f32x4.mul(s0, unit))))
  v128.store(sums, f32x4.add(v128.load(sums, 16), f32x4.mul(f32x4.convert_i32x4_s(high), f32x4.mul(s1, unit))), 16)
}

export function storeRows(y: usize, n: u32, sums: usize, rows: u32, count: u32, accumulate: bool): void {
  for (let i: u32 = 0; i < rows; i++, y += <usize>n << 2, sums += 128) {
    for (let c: u32 = 0; c < count; c++) {
      const sum = f32.load(sums + (c << 2))
      f32.store(y + (c << 2), accumulate ? f32.load(y + (c << 2)) + sum : sum)
    }
  }
}
