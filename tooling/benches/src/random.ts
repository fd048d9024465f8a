/** The same pseudorandom words for the same seed (Marsaglia's xorshift32): fast, and random enough for benches. */
export function randomWords(count: number, seed: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(count)
  let x = Math.imul(seed + 1, 0x9e3779b9) | 1
  for (let i = 0; i < count; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    words[i] = x
  }
  return words
}

export function randomBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(randomWords(Math.ceil(count / 4), seed).buffer, 0, count)
}

/** Numbers of mean 0 and variance 1 that look normal: sums of the four bytes of a word. */
export function normalNumbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  const words = randomWords(count, seed)
  const numbers = new Float32Array(count)
  // The variance of a byte is (256² − 1) / 12.
  const unit = 1 / Math.sqrt(65535 / 3)
  for (let i = 0; i < count; i++) {
    const word = words[i]!
    const total = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24)
    // Half a word more breaks the ties between sums.
    numbers[i] = (total - 510 + word / 2 ** 32 - 0.5) * unit
  }
  return numbers
}
