/** Bytes one after the other, the last of which can be taken away. */
export class ByteStack {
  #bytes = new Uint8Array(1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(2 * length)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.set(bytes, this.#length)
    this.#length = length
  }

  /** Takes away what was pushed since there were `length` bytes: a copy. */
  takeFrom(length: number): Uint8Array {
    const taken = this.#bytes.slice(length, this.#length)
    this.#length = length
    return taken
  }
}
