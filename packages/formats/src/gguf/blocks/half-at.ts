const word = /* @__PURE__ */ new Int32Array(1)
const value = /* @__PURE__ */ new Float32Array(word.buffer)

/** The value of a little-endian float16; exact, from its bits. */
export function halfAt(bytes: Uint8Array, at: number): number {
  const bits = bytes[at]! | (bytes[at + 1]! << 8)
  const exponent = bits & 0x7c00
  if (exponent === 0) return ((bits & 0x8000) === 0 ? 1 : -1) * (bits & 1023) * 2 ** -24
  // The exponent's bias is 127 instead of 15; that of infinities and NaN stays the largest.
  const bias = exponent === 0x7c00 ? 0x70000000 : 0x38000000
  word[0] = ((bits & 0x8000) << 16) | (((bits & 0x7fff) << 13) + bias)
  return value[0]!
}
