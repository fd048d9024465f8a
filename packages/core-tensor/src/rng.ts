import { ShapeError } from './errors.ts'
import { log } from './portable-math.ts'
import { isWhole } from './tensor/dims.ts'

/**
 * Seeded random numbers, the same bytes on every engine: xoshiro128** (Blackman and Vigna, 2018,
 * arXiv:1805.01407), its state filled from the seed by splitmix64, as its authors advise.
 *
 * @example
 * const rng = new Rng(7)
 * rng.normal() === new Rng(7).normal() // => true
 */
export class Rng {
  readonly #state: Uint32Array
  #spare: number | undefined

  /** @param seed  a whole number from 0 to 2^53 − 1, or the four words of a state */
  constructor(seed: number | readonly [number, number, number, number]) {
    if (typeof seed !== 'number') {
      const words = seed.every(word => isWhole(word, 2 ** 32 - 1))
      if (seed.length !== 4 || !words || seed.every(word => word === 0)) {
        throw new ShapeError(`[Rng] expected four words below 2^32, not all 0, got [${seed}]`)
      }
      this.#state = Uint32Array.from(seed)
      return
    }
    if (!isWhole(seed)) throw new ShapeError(`[Rng] expected a whole seed ≥ 0, got ${seed}`)
    const words = splitmix64(BigInt(seed), 2)
    this.#state = Uint32Array.from(words.flatMap(word => [Number(word & 0xffffffffn), Number(word >> 32n)]))
  }

  /** A whole number from 0 to 2^32 − 1. */
  uint32(): number {
    const s = this.#state
    const result = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0
    const t = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = rotateLeft(s[3]!, 11)
    return result
  }

  /** A number in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.uint32() >>> 5
    const low = this.uint32() >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  /** A whole number from 0 to n − 1, each equally likely; n at most 2^32. */
  integer(n: number): number {
    if (!isWhole(n, 2 ** 32) || n < 1) throw new ShapeError(`[Rng.integer] expected 1 ≤ n ≤ 2^32, got ${n}`)
    const limit = 2 ** 32 - (2 ** 32 % n)
    let x = this.uint32()
    while (x >= limit) x = this.uint32()
    return x % n
  }

  /** A standard normal deviate, by Marsaglia's polar method on the portable logarithm. */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare
      this.#spare = undefined
      return spare
    }
    let u = 0
    let v = 0
    let s = 0
    do {
      u = 2 * this.uniform() - 1
      v = 2 * this.uniform() - 1
      s = u * u + v * v
    } while (s >= 1 || s === 0)
    const factor = Math.sqrt((-2 * log(s)) / s)
    this.#spare = v * factor
    return u * factor
  }

  /** The numbers 0 to n − 1 in random order (Fisher and Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const held = order[i]!
      order[i] = order[j]!
      order[j] = held
    }
    return order
  }
}

/** The first outputs of splitmix64 from a seed (Steele, Lea and Flood, 2014). */
export function splitmix64(seed: bigint, count: number): bigint[] {
  const mask = (1n << 64n) - 1n
  return Array.from({ length: count }, () => {
    seed = (seed + 0x9e3779b97f4a7c15n) & mask
    let z = seed
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask
    return z ^ (z >> 31n)
  })
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k))
}
