import { shareOf } from '../share'

export function unpackBits(
  out: usize,
  packed: usize,
  rows: u32,
  columns: u32,
  bits: u32,
  bytes: u32,
  part: u32,
  parts: u32,
): void {
  const rowBytes = <usize>((<u64>columns * bits + 7) >> 3)
  const end = shareOf(rows, part + 1, parts)
  const mask = (1 << bits) - 1
  for (let row = shareOf(rows, part, parts); row < end; row++) {
    const from = packed + <usize>row * rowBytes
    const to = out + <usize>row * <usize>columns * bytes
    if (bits == bytes << 3) memory.copy(to, from, rowBytes)
    else if (bits == 4 && bytes == 1) nibbles(to, from, columns)
    else {
      // At most 7 + 16 bits are needed of each word.
      let bit: u64 = 0
      for (let c: u32 = 0; c < columns; c++, bit += bits) {
        const code = (load<u32>(from + <usize>(bit >> 3)) >> (<u32>bit & 7)) & mask
        if (bytes == 1) store<u8>(to + c, code)
        else store<u16>(to + ((<usize>c) << 1), code)
      }
    }
  }
}

function nibbles(to: usize, from: usize, columns: u32): void {
  const mask = i8x16.splat(15)
  let c: u32 = 0
  for (; c + 32 <= columns; c += 32, to += 32, from += 16) {
    const v = v128.load(from)
    const even = v128.and(v, mask)
    const odd = i8x16.shr_u(v, 4)
    v128.store(to, i8x16.shuffle(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23))
    v128.store(to, i8x16.shuffle(even, odd, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16)
  }
  for (let i: u32 = 0; c < columns; c++, i++)
    store<u8>(to + i, (<u32>load<u8>(from + (i >> 1)) >> ((i & 1) << 2)) & 15)
}
