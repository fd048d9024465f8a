/** The codes of 256 weights in 64 bytes from `from` on: two runs of 32 bytes, each four layers of 32 weights, two bits a layer. */
export function layers(from: number) {
  return (block: Uint8Array, at: number, codes: Uint8Array): void => {
    for (let i = 0; i < 256; i++) {
      const layer = i >> 5
      codes[i] = (block[at + from + 32 * (layer >> 2) + (i & 31)]! >> (2 * (layer & 3))) & 3
    }
  }
}

/** The codes of 256 weights in 128 bytes from `from` on: four runs of 32, low nibbles of one group and high nibbles of the next. */
export function nibbleLayers(from: number) {
  return (block: Uint8Array, at: number, codes: Uint8Array): void => {
    for (let i = 0; i < 256; i++) {
      codes[i] = (block[at + from + 32 * (i >> 6) + (i & 31)]! >> (4 * ((i >> 5) & 1))) & 15
    }
  }
}
