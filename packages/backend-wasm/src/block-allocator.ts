/** Blocks begin and end at multiples of this many bytes: a cache line, and four vectors. */
export const ALIGNMENT = 64

/** Free blocks of a size class that are looked at before a larger class is cut. */
const TRIES = 8

/**
 * Gives out pieces of a linear memory: free blocks in classes of doubling size, neighbours that are
 * free always merged, the end of the memory last. It keeps its books outside of that memory, so
 * nothing that is written there can harm them.
 */
export class BlockAllocator {
  /** Bytes in use, rounded up to {@link ALIGNMENT}. */
  used = 0
  readonly #start: number
  readonly #grow: (end: number) => boolean
  /** Everything from here on was never given out. */
  #top: number
  /** The highest that #top ever was: memory from here on is still as the engine made it. */
  #touched: number
  readonly #sizes = new Map<number, number>()
  readonly #freeSizes = new Map<number, number>()
  readonly #freeEnds = new Map<number, number>()
  readonly #classes: Set<number>[] = Array.from({ length: 33 }, () => new Set())

  /**
   * @param start  where the first block may begin
   * @param grow  makes memory usable up to an address, or says that it cannot
   */
  constructor(start: number, grow: (end: number) => boolean) {
    this.#start = Math.ceil(start / ALIGNMENT) * ALIGNMENT
    this.#top = this.#start
    this.#touched = this.#start
    this.#grow = grow
  }

  /** From here on memory was never given out, and is zeros. */
  get touched(): number {
    return this.#touched
  }

  /** Whether nothing is in use. */
  get empty(): boolean {
    return this.#sizes.size === 0
  }

  /** The address of a block of at least `byteLength` bytes, or undefined where there is no room. */
  allocate(byteLength: number): number | undefined {
    const size = Math.max(1, Math.ceil(byteLength / ALIGNMENT)) * ALIGNMENT
    const reused = this.#takeFree(size)
    const address = reused ?? this.#takeTop(size)
    if (address === undefined) return undefined
    this.#sizes.set(address, size)
    this.used += size
    return address
  }

  /** Gives a block back. */
  free(address: number): void {
    let size = this.#sizes.get(address)
    if (size === undefined) throw new RangeError(`no block at ${address}`)
    this.#sizes.delete(address)
    this.used -= size
    const before = this.#freeEnds.get(address)
    if (before !== undefined) {
      size += this.#removeFree(before)
      address = before
    }
    if (this.#freeSizes.has(address + size)) size += this.#removeFree(address + size)
    if (address + size === this.#top) this.#top = address
    else this.#addFree(address, size)
  }

  #takeFree(size: number): number | undefined {
    for (let c = classOf(size); c < this.#classes.length; c++) {
      let tries = TRIES
      for (const address of this.#classes[c]!) {
        const room = this.#freeSizes.get(address)!
        if (room >= size) {
          this.#removeFree(address)
          if (room > size) this.#addFree(address + size, room - size)
          return address
        }
        if (--tries === 0) break
      }
    }
    return undefined
  }

  #takeTop(size: number): number | undefined {
    const address = this.#top
    if (!this.#grow(address + size)) return undefined
    this.#top = address + size
    this.#touched = Math.max(this.#touched, this.#top)
    return address
  }

  #addFree(address: number, size: number): void {
    this.#freeSizes.set(address, size)
    this.#freeEnds.set(address + size, address)
    this.#classes[classOf(size)]!.add(address)
  }

  #removeFree(address: number): number {
    const size = this.#freeSizes.get(address)!
    this.#freeSizes.delete(address)
    this.#freeEnds.delete(address + size)
    this.#classes[classOf(size)]!.delete(address)
    return size
  }
}

/** ⌊log₂ of the number of units⌋ */
function classOf(size: number): number {
  return 31 - Math.clz32(size / ALIGNMENT)
}
