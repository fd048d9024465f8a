/**
 * The order of a packed weight. Eight rows make a tile, whose groups of columns follow each other:
 * first the numbers of the group, then its codes, 32 columns of all eight rows at a time.
 *
 *   scales    8 float32, widened from float16 where they came so
 *   shifts    8 zeros of a byte, or 8 float32 offsets, or nothing
 *   blocks    for each 32 columns, vectors of rows 0 to 3 and of rows 4 to 7 in turn
 *
 * A vector has eight 16-bit lanes, of four rows and two columns (of even and of odd number), which is
 * what a dot product of 16-bit lanes adds up. Codes of up to 4 bits lie in the nibbles of four
 * vectors, nibble c of vector i being columns 8i + 2c and 8i + 2c + 1; larger ones are bytes, byte c of
 * vector i being columns 4i + 2c and 4i + 2c + 1. Codes of 2 bits share vectors: vector 2i + 1 is vector 2i
 * two bits up, and codes of 1 bit or the upper bit of 3 lie in one vector, vector i being i bits up.
 */

/** The most columns whose sums stay in 32-bit integers, and share one scale of their activations. */
export const SEGMENT_BLOCKS: u32 = 8

/** Vectors of four rows in a block. */
// @ts-ignore: decorator
@inline
export function blockVectors(bits: u32): u32 {
  return bits <= 4 ? bits : 8
}

// @ts-ignore: decorator
@inline
export function blockBytes(bits: u32): usize {
  return <usize>blockVectors(bits) << 5
}

/** Bytes of the numbers of a group. */
// @ts-ignore: decorator
@inline
export function groupBytes(shiftKind: i32): usize {
  return shiftKind == 1 ? 40 : shiftKind == 2 ? 64 : 32
}

// @ts-ignore: decorator
@inline
export function groupCount(columns: u32, group: u32): u32 {
  return group >= columns ? (columns > 0 ? 1 : 0) : (columns + group - 1) / group
}

export function tileBytes(columns: u32, bits: u32, group: u32, shiftKind: i32): usize {
  return (
    <usize>groupCount(columns, group) * groupBytes(shiftKind) + <usize>((columns + 31) >> 5) * blockBytes(bits)
  )
}

/** Where the numbers of group g begin in a tile. */
// @ts-ignore: decorator
@inline
export function groupAt(g: u32, bits: u32, group: u32, shiftKind: i32): usize {
  return <usize>g * groupBytes(shiftKind) + <usize>((g * group) >> 5) * blockBytes(bits)
}

/** Adds a code to an empty block. */
// @ts-ignore: decorator
@inline
export function putCode(block: usize, bits: u32, row: u32, column: u32, code: u32): void {
  const lane = ((row >> 2) << 4) + ((row & 3) << 2) + ((column & 1) << 1)
  const i = column >> 3
  const c = ((column >> 1) & 3) << 2
  if (bits == 4) add(block + (i << 5) + lane, code << c)
  else if (bits > 4) store<u8>(block + ((column >> 2) << 5) + lane + ((column >> 1) & 1), code)
  else if (bits == 1) add(block + lane, code << (c + i))
  else {
    add(block + ((i >> 1) << 5) + lane, (code & 3) << (c + ((i & 1) << 1)))
    if (bits == 3) add(block + 64 + lane, (code >> 2) << (c + i))
  }
}

// @ts-ignore: decorator
@inline
function add(at: usize, bits: u32): void {
  store<u16>(at, load<u16>(at) | bits)
}

// @ts-ignore: decorator
@inline
export function takeCode(block: usize, bits: u32, row: u32, column: u32): u32 {
  const lane = ((row >> 2) << 4) + ((row & 3) << 2) + ((column & 1) << 1)
  const i = column >> 3
  const c = ((column >> 1) & 3) << 2
  if (bits == 4) return (<u32>load<u16>(block + (i << 5) + lane) >> c) & 15
  if (bits > 4) return load<u8>(block + ((column >> 2) << 5) + lane + ((column >> 1) & 1))
  if (bits == 1) return (<u32>load<u16>(block + lane) >> (c + i)) & 1
  const low = (<u32>load<u16>(block + ((i >> 1) << 5) + lane) >> (c + ((i & 1) << 1))) & 3
  return bits == 2 ? low : low | (((<u32>load<u16>(block + 64 + lane) >> (c + i)) & 1) << 2)
}

/**
 * Vector i of four of a block's codes of up to 4 bits as nibbles, of rows 0 to 3 (half 0) or 4 to 7.
 * `bits` and `i` must be constants.
 */
// @ts-ignore: decorator
@inline
export function nibblesOf(bits: u32, block: usize, i: u32, half: u32): v128 {
  if (bits == 4) return v128.load(block + (((i << 1) | half) << 4))
  if (bits == 1) return bitsOf(block + (half << 4), i)
  let v = v128.load(block + ((((i >> 1) << 1) | half) << 4))
  if ((i & 1) != 0) v = i16x8.shr_u(v, 2)
  v = v128.and(v, i16x8.splat(0x3333))
  return bits == 2 ? v : v128.or(v, i16x8.shl(bitsOf(block + 64 + (half << 4), i), 2))
}

// @ts-ignore: decorator
@inline
function bitsOf(at: usize, i: u32): v128 {
  const v = v128.load(at)
  return v128.and(i == 0 ? v : i16x8.shr_u(v, i), i16x8.splat(0x1111))
}
