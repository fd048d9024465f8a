import { FormatError } from '@tersor/core-tensor'
import { decodeUtf8 } from './decode-utf8.ts'
import type { RandomAccess } from './random-access.ts'

/** What one read of the source fetches: a few round trips for a large vocabulary, little waste for a small one. */
const BUFFER_BYTES = 2 ** 18

/** What the first read behind skipped bytes fetches: often there is little up to the next that are skipped. */
const SKIPPED_TO_BYTES = 2 ** 10

/**
 * Little-endian values one after the other out of a {@link RandomAccess}, a buffer at a time.
 *
 * `await reader.need(n)` brings n bytes into the buffer, after which the getters are synchronous. What is skipped is
 * not read, where it is long.
 */
export class BufferedReader {
  readonly #source: RandomAccess
  readonly #where: string
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** Where the buffer starts in the source, and where in the buffer the next value is. */
  #start = 0
  #at = 0
  #bufferBytes = BUFFER_BYTES

  constructor(source: RandomAccess, where: string) {
    this.#source = source
    this.#where = where
  }

  get position(): number {
    return this.#start + this.#at
  }

  get remaining(): number {
    return this.#source.byteLength - this.position
  }

  /** @throws {FormatError} when the source has fewer bytes left */
  need(count: number): Promise<void> | undefined {
    if (this.#at + count <= this.#bytes.length) return undefined
    return this.#fill(count)
  }

  async #fill(count: number): Promise<void> {
    const { position, remaining } = this
    if (count > remaining) {
      throw new FormatError(
        `[${this.#where}] expected ${count} more bytes at ${position}, got ${remaining}; the file is cut short`,
      )
    }
    const skipped = this.#at > this.#bytes.length
    this.#bufferBytes = skipped ? SKIPPED_TO_BYTES : Math.min(4 * this.#bufferBytes, BUFFER_BYTES)
    this.#bytes = await this.#source.read(position, Math.min(Math.max(count, this.#bufferBytes), remaining))
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength)
    this.#start = position
    this.#at = 0
  }

  /** The next `count` bytes as a view that lasts until the next `need`. */
  take(count: number): Uint8Array {
    return this.#bytes.subarray(this.#at, (this.#at += count))
  }

  /** Up to `count` of the next bytes, as many as `need` brought, which stay the next. */
  peek(count: number): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#at + count)
  }

  /** Passes over bytes, which may lie behind the end. */
  skip(count: number): void {
    this.#at += count
  }

  /** What `read` makes of the next `count` bytes. */
  number<T>(count: number, read: (view: DataView, at: number) => T): T {
    const at = this.#at
    this.#at += count
    return read(this.#view, at)
  }

  async uint32(): Promise<number> {
    await this.need(4)
    return this.number(4, (view, at) => view.getUint32(at, true))
  }

  /** @throws {FormatError} for 2^53 and more, which no file of this world has */
  async uint64(): Promise<number> {
    await this.need(8)
    return this.#uint64()
  }

  /**
   * A string after its uint64 length.
   *
   * @param malformed  called where it is no UTF-8, and then U+FFFD stands for what is none; an error without
   */
  async string(maxBytes: number, malformed?: () => void): Promise<string> {
    await this.need(8)
    const length = this.#length(maxBytes)
    await this.need(length)
    return decodeUtf8(this.take(length), this.#where, malformed)
  }

  /** So many strings, without a promise for each of a large vocabulary. */
  async strings(count: number, maxBytes: number, malformed?: () => void): Promise<string[]> {
    const strings: string[] = []
    for (let i = 0; i < count; i++) {
      const head = this.need(8)
      if (head !== undefined) await head
      const length = this.#length(maxBytes)
      const rest = this.need(length)
      if (rest !== undefined) await rest
      strings.push(decodeUtf8(this.take(length), this.#where, malformed))
    }
    return strings
  }

  #length(maxBytes: number): number {
    const length = this.#uint64()
    if (length > maxBytes) {
      throw new FormatError(
        `[${this.#where}] expected a string of at most ${maxBytes} bytes at ${this.position}, got ${length}`,
      )
    }
    return length
  }

  #uint64(): number {
    const value = this.number(
      8,
      (view, at) => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true),
    )
    if (!Number.isSafeInteger(value))
      throw new FormatError(`[${this.#where}] expected integers below 2^53, got ${value}`)
    return value
  }
}
