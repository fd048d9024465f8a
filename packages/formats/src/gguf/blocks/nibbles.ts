/** The codes of 32 weights in 16 bytes from `from` on: low nibbles q₀…q₁₅, high nibbles q₁₆…q₃₁. */
export function nibbles(from: number) {
  return (block: Uint8Array, at: number, codes: Uint8Array): void => {
    for (let i = 0; i < 16; i++) {
      const pair = block[at + from + i]!
      codes[i] = pair & 15
      codes[16 + i] = pair >> 4
    }
  }
}

/** As {@link nibbles}, and in 4 bytes from `bits` on the fifth bit of each code. */
export function nibblesAndBits(from: number, bits: number) {
  const low = nibbles(from)
  return (block: Uint8Array, at: number, codes: Uint8Array): void => {
    low(block, at, codes)
    for (let i = 0; i < 32; i++) codes[i]! |= ((block[at + bits + (i >> 3)]! >> (i & 7)) & 1) << 4
  }
}
