/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUND = /* @__PURE__ */ fractions(64, Math.cbrt)

/** The same of the square roots of the first 8. */
const START = /* @__PURE__ */ fractions(8, Math.sqrt)

function fractions(count: number, root: (prime: number) => number): Int32Array {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) {
    let divisor = 2
    while (divisor * divisor <= n && n % divisor !== 0) divisor++
    if (divisor * divisor > n) found.push(Math.floor((root(n) % 1) * 2 ** 32) | 0)
  }
  return Int32Array.from(found)
}

const BLOCK = 64

/**
 * SHA-256 of bytes that come in pieces (FIPS 180-4). The Web's own `crypto.subtle` takes only what is whole in memory; Node's is
 * faster, see {@link contentHash}.
 */
export class Sha256 {
  readonly #state = START.slice()
  /** The schedule of a block: 16 words of it, and 48 made of them. */
  readonly #words = new Int32Array(64)
  readonly #block = new Uint8Array(BLOCK)
  #length = 0

  update(bytes: Uint8Array): this {
    let at = 0
    while (at < bytes.length) {
      const used = this.#length % BLOCK
      const piece = bytes.subarray(at, at + BLOCK - used)
      this.#block.set(piece, used)
      this.#length += piece.length
      at += piece.length
      if (used + piece.length === BLOCK) this.#compress()
    }
    return this
  }

  /** Ends it: nothing can be added any more. */
  hex(): string {
    const bits = this.#length * 8
    const padding = new Uint8Array(BLOCK + 8 - ((this.#length + 8) % BLOCK))
    padding[0] = 0x80
    const length = new DataView(padding.buffer)
    length.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32))
    length.setUint32(padding.length - 4, bits >>> 0)
    this.update(padding)
    return [...this.#state].map(word => (word >>> 0).toString(16).padStart(8, '0')).join('')
  }

  #compress(): void {
    const [w, state] = [this.#words, this.#state]
    const block = new DataView(this.#block.buffer)
    for (let i = 0; i < 16; i++) w[i] = block.getInt32(4 * i)
    for (let i = 16; i < 64; i++) {
      const [a, b] = [w[i - 15]!, w[i - 2]!]
      const s0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >>> 3)
      const s1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >>> 10)
      w[i] = w[i - 16]! + s0 + w[i - 7]! + s1
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    for (let i = 0; i < 64; i++) {
      const s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
      const first = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i]! + w[i]!) | 0
      const s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
      const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + first) | 0
      d = c
      c = b
      b = a
      a = (first + second) | 0
    }
    const added = [a, b, c, d, e, f, g, h]
    for (let i = 0; i < 8; i++) state[i] = state[i]! + added[i]!
  }
}

function rotated(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits))
}
