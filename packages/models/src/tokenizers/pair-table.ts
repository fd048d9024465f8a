/** No entry: values are from 0 on. */
const EMPTY = -1

/**
 * A map from pairs of integers to integers, all from 0 to 2³¹ − 1: for merges, and for the nodes of tries. Half a million entries take
 * 12 to 24 MB, a tenth of what a `Map` of strings needs.
 */
export class PairTable {
  #first = new Int32Array(16)
  #second = new Int32Array(16)
  #value = new Int32Array(16).fill(EMPTY)
  #size = 0

  /** The value of a pair, or -1. */
  get(first: number, second: number): number {
    return this.#value[this.#slot(first, second)]!
  }

  set(first: number, second: number, value: number): void {
    if (2 * this.#size >= this.#value.length) this.#grow()
    const slot = this.#slot(first, second)
    if (this.#value[slot] === EMPTY) this.#size++
    this.#first[slot] = first
    this.#second[slot] = second
    this.#value[slot] = value
  }

  /** Where a pair lies, or would lie: linear probing from its hash. */
  #slot(first: number, second: number): number {
    const mask = this.#value.length - 1
    let slot = mixed(first, second) & mask
    while (this.#value[slot] !== EMPTY && (this.#first[slot] !== first || this.#second[slot] !== second))
      slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [first, second, value] = [this.#first, this.#second, this.#value]
    this.#first = new Int32Array(2 * value.length)
    this.#second = new Int32Array(2 * value.length)
    this.#value = new Int32Array(2 * value.length).fill(EMPTY)
    this.#size = 0
    for (let i = 0; i < value.length; i++) if (value[i] !== EMPTY) this.set(first[i]!, second[i]!, value[i]!)
  }
}

function mixed(first: number, second: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
