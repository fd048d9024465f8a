/** The int8 from `from` on as codes of 8 bits, of which 128 stands for 0. */
export function signedBytes(from: number) {
  return (block: Uint8Array, at: number, codes: Uint8Array): void => {
    for (let i = 0; i < codes.length; i++) codes[i] = block[at + from + i]! ^ 128
  }
}
