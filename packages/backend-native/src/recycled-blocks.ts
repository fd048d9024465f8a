/** Bytes that may wait to be used again. */
const MOST = 1 << 28

/**
 * Blocks of memory that were freed and wait for the next of their size: what repeats itself, such as training and
 * decoding, then neither asks the system for pages nor gives the garbage collector work.
 */
export class RecycledBlocks {
  readonly #bySize = new Map<number, Uint8Array[]>()
  #bytes = 0

  /** A block of that size, if one waits: of zeros, or as it was. */
  take(byteLength: number, zeros: boolean): Uint8Array | undefined {
    const block = this.#bySize.get(byteLength)?.pop()
    if (block === undefined) return undefined
    this.#bytes -= byteLength
    return zeros ? block.fill(0) : block
  }

  /** Takes a block back; sizes that were not asked for lately make room. */
  give(block: Uint8Array): void {
    const { byteLength } = block
    if (byteLength === 0 || byteLength > MOST) return
    const waiting = this.#bySize.get(byteLength) ?? []
    // The latest size is the last in the map.
    this.#bySize.delete(byteLength)
    this.#bySize.set(byteLength, waiting)
    waiting.push(block)
    this.#bytes += byteLength
    for (const [size, blocks] of this.#bySize) {
      while (this.#bytes > MOST && blocks.length > 0) {
        blocks.pop()
        this.#bytes -= size
      }
      if (blocks.length > 0) break
      this.#bySize.delete(size)
    }
  }

  clear(): void {
    this.#bySize.clear()
    this.#bytes = 0
  }
}
