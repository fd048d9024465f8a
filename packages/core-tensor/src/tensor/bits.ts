/** Bytes of a row of `count` codes of `bits` bits; every row starts on a byte. */
export function packedRowBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8)
}

/**
 * Packs a row of codes into a stream of bits, least significant first, so that 4-bit codes lie low
 * nibble first and 8-bit codes are plain bytes.
 *
 * @param codes  (count) integers below 2^bits
 * @param out  at least {@link packedRowBytes} bytes from `at`
 * @example
 * const bytes = new Uint8Array(packedRowBytes(3, 4))
 * packRow([1, 2, 15], 4, bytes)
 * bytes // => Uint8Array [33, 15]
 */
export function packRow(codes: ArrayLike<number>, bits: number, out: Uint8Array, at = 0): void {
  let buffer = 0
  let held = 0
  for (let i = 0; i < codes.length; i++) {
    buffer |= codes[i]! << held
    held += bits
    while (held >= 8) {
      out[at++] = buffer & 255
      buffer >>>= 8
      held -= 8
    }
  }
  if (held > 0) out[at] = buffer
}

/**
 * The inverse of {@link packRow}: fills `codes`. Bits 1 to 16.
 *
 * @example
 * const codes = new Uint8Array(3)
 * unpackRow(Uint8Array.of(33, 15), 4, codes)
 * codes // => Uint8Array [1, 2, 15]
 */
export function unpackRow(
  packed: Uint8Array,
  bits: number,
  codes: Uint8Array | Uint16Array | Uint32Array | Int32Array,
  at = 0,
): void {
  if (bits === 4) {
    unpackNibbles(packed, codes, at)
    return
  }
  const mask = (1 << bits) - 1
  let buffer = 0
  let held = 0
  for (let i = 0; i < codes.length; i++) {
    while (held < bits) {
      buffer |= packed[at++]! << held
      held += 8
    }
    codes[i] = buffer & mask
    buffer >>>= bits
    held -= bits
  }
}

function unpackNibbles(
  packed: Uint8Array,
  codes: Uint8Array | Uint16Array | Uint32Array | Int32Array,
  at: number,
): void {
  for (let i = 0; i < codes.length; i++) {
    const byte = packed[at + (i >> 1)]!
    codes[i] = i & 1 ? byte >> 4 : byte & 15
  }
}
