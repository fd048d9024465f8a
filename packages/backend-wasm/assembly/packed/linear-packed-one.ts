import { BYTES, quantizeBlocks, roundedBytes, SPLIT, WORDS } from './activations'
import { CONSTANT, OFFSET, ZERO } from './block-sums'
import { addByteBlock, prepareByteBlocks } from './byte-block'
import { blockBytes, groupBytes, tileBytes } from './layout'
import { addWordBlock, prepareWordBlocks } from './word-block'

/** Tiles that take turns block by block: so many places of the stream are read at a time. */
const TILES: u32 = 4

/** Working memory, in bytes from the part's own. */
const CONSTANTS_AT: usize = 0
const SUMS_AT: usize = 64 // (TILES, 8) float32
const ACTIVATIONS_AT: usize = SUMS_AT + 128

/** Some tiles of eight rows of a packed weight times one row of activations. */
export function linearPackedOne(
  y: usize,
  x: usize,
  stream: usize,
  n: u32,
  k: u32,
  bits: u32,
  group: u32,
  shiftKind: i32,
  constant: i32,
  precision: i32,
  accumulate: bool,
  start: u32,
  end: u32,
  scratch: usize,
): void {
  const size = tileBytes(k, bits, group, shiftKind)
  const form = !ASC_FEATURE_RELAXED_SIMD || bits > 4 ? WORDS : precision == 0 ? SPLIT : BYTES
  const factor = shiftKind == CONSTANT ? constant : shiftKind == ZERO || shiftKind == OFFSET ? 1 : 0
  quantizeBlocks(scratch + ACTIVATIONS_AT, x, k, form, factor)
  if (form == WORDS) prepareWordBlocks(scratch + CONSTANTS_AT, bits)
  else prepareByteBlocks(scratch + CONSTANTS_AT)
  for (let tile = start; tile < end; tile += TILES) {
    const tiles = min(TILES, end - tile)
    memory.fill(scratch + SUMS_AT, 0, <usize>tiles << 5)
    tilesOf(form, bits, scratch, stream + <usize>tile * size, size, tiles, k, group, shiftKind)
    const count = min(tiles << 3, n - (tile << 3))
    const to = y + (<usize>tile << 5)
    for (let c: u32 = 0; c < count; c++) {
      const sum = f32.load(scratch + SUMS_AT + (c << 2))
      f32.store(to + (c << 2), accumulate ? f32.load(to + (c << 2)) + sum : sum)
    }
  }
}

function tilesOf(form: i32, bits: u32, scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  if (bits > 4) eightBits(scratch, p, size, tiles, k, group, shift)
  else if (ASC_FEATURE_RELAXED_SIMD && form == BYTES) {
    if (bits == 4) fourBitsOfBytes(scratch, p, size, tiles, k, group, shift)
    else if (bits == 3) threeBitsOfBytes(scratch, p, size, tiles, k, group, shift)
    else if (bits == 2) twoBitsOfBytes(scratch, p, size, tiles, k, group, shift)
    else oneBitOfBytes(scratch, p, size, tiles, k, group, shift)
  } else if (bits == 4) fourBits(scratch, p, size, tiles, k, group, shift)
  else if (bits == 3) threeBits(scratch, p, size, tiles, k, group, shift)
  else if (bits == 2) twoBits(scratch, p, size, tiles, k, group, shift)
  else oneBit(scratch, p, size, tiles, k, group, shift)
}

function eightBits(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(8, WORDS, scratch, p, size, tiles, k, group, shift)
}
function fourBits(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(4, ASC_FEATURE_RELAXED_SIMD ? SPLIT : WORDS, scratch, p, size, tiles, k, group, shift)
}
function threeBits(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(3, ASC_FEATURE_RELAXED_SIMD ? SPLIT : WORDS, scratch, p, size, tiles, k, group, shift)
}
function twoBits(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(2, ASC_FEATURE_RELAXED_SIMD ? SPLIT : WORDS, scratch, p, size, tiles, k, group, shift)
}
function oneBit(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(1, ASC_FEATURE_RELAXED_SIMD ? SPLIT : WORDS, scratch, p, size, tiles, k, group, shift)
}
function fourBitsOfBytes(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(4, BYTES, scratch, p, size, tiles, k, group, shift)
}
function threeBitsOfBytes(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(3, BYTES, scratch, p, size, tiles, k, group, shift)
}
function twoBitsOfBytes(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(2, BYTES, scratch, p, size, tiles, k, group, shift)
}
function oneBitOfBytes(scratch: usize, p: usize, size: usize, tiles: u32, k: u32, group: u32, shift: i32): void {
  blocksOf(1, BYTES, scratch, p, size, tiles, k, group, shift)
}

/** All blocks of up to four tiles, which lie `size` bytes apart; `bits` and `form` must be constants. */
// @ts-ignore: decorator
@inline
function blocksOf(
  bits: u32,
  form: i32,
  scratch: usize,
  p: usize,
  size: usize,
  tiles: u32,
  k: u32,
  group: u32,
  shiftKind: i32,
): void {
  const constants = scratch + CONSTANTS_AT
  const lastSums = scratch + SUMS_AT + (<usize>tiles << 5)
  const blocks = (k + 31) >> 5
  const groupStep = groupBytes(shiftKind) + <usize>min(blocks, (group + 31) >> 5) * blockBytes(bits)
  let q = scratch + ACTIVATIONS_AT
  const end = q + <usize>blocks * roundedBytes(form)
  let header = p
  let nextHeader = p
  for (; q != end; q += roundedBytes(form)) {
    if (p == nextHeader) {
      header = p
      p += groupBytes(shiftKind)
      nextHeader += groupStep
    }
    let codes = p
    let numbers = header
    for (let sums = scratch + SUMS_AT; sums != lastSums; sums += 32) {
      if (form == WORDS) addWordBlock(bits, sums, numbers, codes, q, shiftKind, constants)
      else if (ASC_FEATURE_RELAXED_SIMD) addByteBlock(bits, form == SPLIT, sums, numbers, codes, q, shiftKind, constants)
      codes += size
      numbers += size
    }
    p += blockBytes(bits)
  }
}
