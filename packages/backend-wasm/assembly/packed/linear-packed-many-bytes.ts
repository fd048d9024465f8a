import { BYTES, quantizeBlocks, roundedBytes } from './activations'
import { addBlockSums, CONSTANT, OFFSET, ZERO } from './block-sums'
import { nibblesOfAny } from './levels'
import { storeRows } from './linear-packed-many'
import { blockBytes, groupBytes, tileBytes } from './layout'
import { madd, transpose4 } from '../vector'

/** Rows of activations that are quantised at a time, four by four. */
const ROWS: u32 = 32
/** Tiles of eight rows of the weight that share a pass over the activations. */
const TILES: u32 = 4
/** Blocks of 32 columns that are unpacked at a time. */
const BLOCKS: u32 = 8

/**
 * Bytes of 32 columns of four rows of activations: quads of columns (8, 4 rows, 4), then unit and sum of each row, then
 * what its sums begin with, in both 16-bit lanes.
 */
const QUAD_BLOCK: usize = 176
const STARTS: usize = 160
/** The largest zero for which 16 bits hold sums of differences from it: 16 · 127 · 15 in a lane. */
const LARGEST_ZERO: i32 = 15
/** Bytes of an unpacked block: quads of columns (8, 8 rows of the weight, 4). */
const WEIGHT_BLOCK: usize = 256

/** Working memory, in bytes from the part's own. */
const SUMS_AT: usize = 0 // (ROWS, TILES, 8) float32
const HEADERS_AT: usize = 4096 // (BLOCKS) where the numbers of each block are in a tile
const WEIGHTS_AT: usize = HEADERS_AT + 64 // (TILES, BLOCKS) unpacked blocks
const ACTIVATIONS_AT: usize = WEIGHTS_AT + 8192 // (quads of rows, blocks); then four rows that are not yet in order

/** Many rows of activations of 8 bits times tiles of codes of up to 4 bits. */
export function linearPackedManyBytes(
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
  const size = tileBytes(k, bits, group, shiftKind)
  const blocks = (k + 31) >> 5
  // Sums that begin with minus the zero's share need no correction for it.
  const centred = shiftKind == 0 || (shiftKind == CONSTANT && constant >= 0 && constant <= LARGEST_ZERO)
  const zero: i16 = centred && shiftKind == CONSTANT ? <i16>constant : 0
  const factor = shiftKind == CONSTANT ? constant : shiftKind == ZERO || shiftKind == OFFSET ? 1 : 0
  for (let i0: u32 = 0; i0 < m; i0 += ROWS) {
    const rows = min(ROWS, m - i0)
    const quads = (rows + 3) >> 2
    const unordered = scratch + ACTIVATIONS_AT + <usize>(quads * blocks) * QUAD_BLOCK
    for (let quad: u32 = 0; quad < quads; quad++) {
      for (let r: u32 = 0; r < 4; r++) {
        // Rows past the last repeat it, and are not stored.
        const row = min(i0 + (quad << 2) + r, m - 1)
        quantizeBlocks(unordered + <usize>(r * blocks) * roundedBytes(BYTES), x + (<usize>(row * k) << 2), k, BYTES, factor)
      }
      interleaveRows(scratch + ACTIVATIONS_AT + <usize>(quad * blocks) * QUAD_BLOCK, unordered, blocks, zero)
    }
    for (let tile = start; tile < end; tile += TILES) {
      const tiles = min(TILES, end - tile)
      memory.fill(scratch + SUMS_AT, 0, <usize>quads << 9)
      const from = stream + <usize>tile * size
      let at: usize = 0
      let header: usize = 0
      let left: u32 = 0
      for (let block: u32 = 0; block < blocks; block += BLOCKS) {
        const count = min(BLOCKS, blocks - block)
        for (let b: u32 = 0; b < count; b++) {
          if (left == 0) {
            header = at
            at += groupBytes(shiftKind)
            left = min(blocks, (group + 31) >> 5)
          }
          left--
          store<u32>(scratch + HEADERS_AT + (b << 2), header)
          for (let t: u32 = 0; t < tiles; t++) {
            unpackBlock(scratch + WEIGHTS_AT + <usize>(t * BLOCKS + b) * WEIGHT_BLOCK, from + <usize>t * size + at, bits)
          }
          at += blockBytes(bits)
        }
        for (let quad: u32 = 0; quad < quads; quad++) {
          const q = scratch + ACTIVATIONS_AT + <usize>(quad * blocks + block) * QUAD_BLOCK
          for (let t: u32 = 0; t < tiles; t++) {
            const sums = scratch + SUMS_AT + (<usize>quad << 9) + (<usize>t << 5)
            const w = scratch + WEIGHTS_AT + <usize>(t * BLOCKS) * WEIGHT_BLOCK
            addBlocks(sums, w, q, count, from + <usize>t * size, scratch + HEADERS_AT, shiftKind, centred)
          }
        }
      }
      storeRows(y + (<usize>(i0 * n + (tile << 3)) << 2), n, scratch + SUMS_AT, rows, min(tiles << 3, n - (tile << 3)), accumulate)
    }
  }
}

/** Four rows as `quantizeBlocks` leaves them, one after the other, quad by quad. */
function interleaveRows(to: usize, from: usize, blocks: u32, zero: i16): void {
  const step = <usize>blocks * roundedBytes(BYTES)
  for (let b: u32 = 0; b < blocks; b++, to += QUAD_BLOCK, from += roundedBytes(BYTES)) {
    transpose4(to, 16, from, step)
    transpose4(to + 64, 16, from + 16, step)
    for (let r: u32 = 0; r < 4; r++) store<u64>(to + 128 + (r << 3), load<u64>(from + <usize>r * step + 32))
    let pairs = i16x8.splat(0)
    for (let i: usize = 0; i < 128; i += 16) pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(v128.load(to + i)))
    v128.store(to, i16x8.mul(pairs, i16x8.splat(-zero)), STARTS)
  }
}

function unpackBlock(to: usize, from: usize, bits: u32): void {
  const mask = i8x16.splat(15)
  for (let half: u32 = 0; half < 2; half++, to += 16) {
    spread(to, nibblesOfAny(bits, from, 0, half), mask)
    spread(to + 64, nibblesOfAny(bits, from, 1, half), mask)
    spread(to + 128, nibblesOfAny(bits, from, 2, half), mask)
    spread(to + 192, nibblesOfAny(bits, from, 3, half), mask)
  }
}

/** Two quads of columns of four rows. */
// @ts-ignore: decorator
@inline
function spread(to: usize, nibbles: v128, mask: v128): void {
  v128.store(to, v128.and(nibbles, mask))
  v128.store(to, v128.and(i16x8.shr_u(nibbles, 4), mask), 32)
}

// @ts-ignore: decorator
@inline
function addDots(sum: v128, x: v128, codes: v128): v128 {
  return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(x, codes))
}

/**
 * Blocks of a tile for four rows of activations; that 16 bits hold the sums, `packed/byte-block.ts` says.
 *
 * @param sums  (4, TILES, 8) float32, of which this tile has eight in a row
 */
function addBlocks(sums: usize, w: usize, q: usize, blocks: u32, tile: usize, headers: usize, shiftKind: i32, centred: bool): void {
  for (; blocks > 0; blocks--, headers += 4, q += QUAD_BLOCK - 128) {
    let a0 = v128.load32_splat(q, STARTS)
    let a1 = a0
    let b0 = v128.load32_splat(q, STARTS + 4)
    let b1 = b0
    let c0 = v128.load32_splat(q, STARTS + 8)
    let c1 = c0
    let d0 = v128.load32_splat(q, STARTS + 12)
    let d1 = d0
    const end = w + WEIGHT_BLOCK
    // The tests in the middle keep the steps apart, as in `products/tile.ts`.
    while (true) {
      {
        const w0 = v128.load(w)
        const w1 = v128.load(w, 16)
        let x = v128.load32_splat(q)
        a0 = addDots(a0, x, w0)
        a1 = addDots(a1, x, w1)
        x = v128.load32_splat(q, 4)
        b0 = addDots(b0, x, w0)
        b1 = addDots(b1, x, w1)
        x = v128.load32_splat(q, 8)
        c0 = addDots(c0, x, w0)
        c1 = addDots(c1, x, w1)
        x = v128.load32_splat(q, 12)
        d0 = addDots(d0, x, w0)
        d1 = addDots(d1, x, w1)
        q += 16
      }
      if (q == 0) break
      {
        const w0 = v128.load(w, 32)
        const w1 = v128.load(w, 48)
        let x = v128.load32_splat(q)
        a0 = addDots(a0, x, w0)
        a1 = addDots(a1, x, w1)
        x = v128.load32_splat(q, 4)
        b0 = addDots(b0, x, w0)
        b1 = addDots(b1, x, w1)
        x = v128.load32_splat(q, 8)
        c0 = addDots(c0, x, w0)
        c1 = addDots(c1, x, w1)
        x = v128.load32_splat(q, 12)
        d0 = addDots(d0, x, w0)
        d1 = addDots(d1, x, w1)
        q += 16
      }
      if (w == 0) break
      {
        const w0 = v128.load(w, 64)
        const w1 = v128.load(w, 80)
        let x = v128.load32_splat(q)
        a0 = addDots(a0, x, w0)
        a1 = addDots(a1, x, w1)
        x = v128.load32_splat(q, 4)
        b0 = addDots(b0, x, w0)
        b1 = addDots(b1, x, w1)
        x = v128.load32_splat(q, 8)
        c0 = addDots(c0, x, w0)
        c1 = addDots(c1, x, w1)
        x = v128.load32_splat(q, 12)
        d0 = addDots(d0, x, w0)
        d1 = addDots(d1, x, w1)
        q += 16
      }
      if (end == 0) break
      {
        const w0 = v128.load(w, 96)
        const w1 = v128.load(w, 112)
        let x = v128.load32_splat(q)
        a0 = addDots(a0, x, w0)
        a1 = addDots(a1, x, w1)
        x = v128.load32_splat(q, 4)
        b0 = addDots(b0, x, w0)
        b1 = addDots(b1, x, w1)
        x = v128.load32_splat(q, 8)
        c0 = addDots(c0, x, w0)
        c1 = addDots(c1, x, w1)
        x = v128.load32_splat(q, 12)
        d0 = addDots(d0, x, w0)
        d1 = addDots(d1, x, w1)
        q += 16
      }
      w += 128
      if (w == end) break
    }
    const header = tile + <usize>load<u32>(headers)
    if (centred) {
      const s0 = v128.load(header)
      const s1 = v128.load(header, 16)
      addCentred(sums, s0, s1, a0, a1, v128.load32_splat(q))
      addCentred(sums + 128, s0, s1, b0, b1, v128.load32_splat(q, 8))
      addCentred(sums + 256, s0, s1, c0, c1, v128.load32_splat(q, 16))
      addCentred(sums + 384, s0, s1, d0, d1, v128.load32_splat(q, 24))
      continue
    }
    addRow(sums, header, a0, a1, q, shiftKind)
    addRow(sums + 128, header, b0, b1, q + 8, shiftKind)
    addRow(sums + 256, header, c0, c1, q + 16, shiftKind)
    addRow(sums + 384, header, d0, d1, q + 24, shiftKind)
  }
}

// @ts-ignore: decorator
@inline
function addRow(sums: usize, header: usize, s0: v128, s1: v128, numbers: usize, shiftKind: i32): void {
  const ones = i16x8.splat(1)
  addBlockSums(sums, header, i32x4.dot_i16x8_s(s0, ones), i32x4.dot_i16x8_s(s1, ones), numbers, shiftKind)
}

/** What a block gives where its sums began with the zero's share. */
// @ts-ignore: decorator
@inline
function addCentred(sums: usize, s0: v128, s1: v128, a0: v128, a1: v128, unit: v128): void {
  const ones = i16x8.splat(1)
  const y0 = f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(a0, ones))
  const y1 = f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(a1, ones))
  v128.store(sums, madd(y0, f32x4.mul(s0, unit), v128.load(sums)))
  v128.store(sums, madd(y1, f32x4.mul(s1, unit), v128.load(sums, 16)), 16)
}
