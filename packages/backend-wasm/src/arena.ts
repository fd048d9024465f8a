import { DeviceError } from '@tersor/core-tensor'
import { BlockAllocator } from './block-allocator.ts'

const PAGE = 65536
/** One page less than 4 GiB, so that no address past the end of a block wraps around. */
const MOST_PAGES = 65535
/** Before the first block: nothing is at address 0, and kernels find their working memory noted here. */
const HEADER = 64
const SCRATCH_AT = 16
/** What tensors leave of a memory for the working memory of a thread, or the kernels of a full one could not run. */
const WORKING = 576 * 1024
/** But never more than this share of it. */
const WORKING_SHARE = 0.25
/** Kernels may read up to so many bytes past what they are given. */
const GUARD = 64
/** What a memory grows by beyond the need, so that it does not grow at each allocation. */
const SPARE_SHARE = 0.125
/** Up to this many bytes, memory that is to move does so at every allocation, above at every sixteenth. */
const SMALL = 32 * 1024 * 1024

type Kernel = (...args: number[]) => void

export interface ArenaOptions {
  readonly modules: readonly WebAssembly.Module[]
  readonly shared: boolean
  /** The most bytes that this memory may have now. */
  limit(): number
  /** Moves at every allocation, and fills what is freed. */
  readonly debug: boolean
  /** Threads that work here, each with working memory of its own. */
  readonly threads: number
}

/** One WebAssembly memory with its blocks, and the kernels that work on it. */
export class Arena {
  readonly exports: Readonly<Record<string, Kernel>>
  #memory: WebAssembly.Memory | undefined
  #closed = ''
  readonly #blocks: BlockAllocator
  readonly #options: ArenaOptions
  #moves = 0
  /** Bytes at the end that the allocation at hand may not take. */
  #kept = 0
  #scratch = 0
  #scratchBytes = 0

  /** @throws {RangeError} when the engine has no room for a memory */
  constructor(options: ArenaOptions) {
    this.#options = options
    const memory = new WebAssembly.Memory({
      initial: 1,
      maximum: MOST_PAGES,
      ...(options.shared ? { shared: true } : {}),
    })
    const exports: Record<string, Kernel> = {}
    for (const module of options.modules) {
      const instance = new WebAssembly.Instance(module, { env: { memory } })
      Object.assign(exports, instance.exports)
    }
    this.#memory = memory
    this.exports = exports
    this.#blocks = new BlockAllocator(HEADER, end => this.#growTo(end + GUARD))
  }

  /** @throws {DeviceError} after {@link Arena.close} */
  get memory(): WebAssembly.Memory {
    if (this.#memory === undefined) throw new DeviceError(this.#closed)
    return this.#memory
  }

  /** Lets go of the memory; using its blocks afterwards throws `reason`. */
  close(reason: string): void {
    this.#closed ||= reason
    this.#memory = undefined
  }

  /** Bytes that the memory takes. */
  get byteLength(): number {
    return this.memory.buffer.byteLength
  }

  /** Bytes in use. */
  get used(): number {
    return this.#blocks.used
  }

  /** The address of a block of zeros, or of whatever was there; undefined where there is no room. */
  allocate(byteLength: number, { zeros }: { zeros: boolean }): number | undefined {
    if (this.#options.debug) this.#move()
    const { touched } = this.#blocks
    this.#kept = Math.max(0, WORKING * this.#options.threads - this.#scratchBytes)
    const address = this.#blocks.allocate(byteLength)
    this.#kept = 0
    if (address === undefined) return undefined
    const dirty = Math.min(byteLength, Math.max(0, touched - address))
    if (zeros && dirty > 0) new Uint8Array(this.memory.buffer, address, dirty).fill(0)
    else if (!zeros && this.#options.debug) new Uint8Array(this.memory.buffer, address, byteLength).fill(0xa5)
    return address
  }

  free(address: number, byteLength: number): void {
    if (this.#memory === undefined) return
    if (this.#options.debug) new Uint8Array(this.memory.buffer, address, byteLength).fill(0xa5)
    this.#blocks.free(address)
  }

  bytes(address: number, byteLength: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, byteLength)
  }

  /** Sees to it that each of `parts` has so many bytes of working memory; false where there is no room. */
  reserve(bytes: number, parts: number): boolean {
    const each = Math.ceil(bytes / 64) * 64
    if (each * parts <= this.#scratchBytes) {
      if (bytes > 0) this.#note(Math.floor(this.#scratchBytes / parts / 64) * 64)
      return true
    }
    const address = this.#blocks.allocate(each * parts)
    if (address === undefined) return false
    if (this.#scratch !== 0) this.#blocks.free(this.#scratch)
    this.#scratch = address
    this.#scratchBytes = each * parts
    this.#note(each)
    return true
  }

  /** Grows by nothing: that alone puts an end to all views of a memory that is not shared. */
  #move(): void {
    // Each time costs the engine more with the size of the memory.
    if (this.byteLength < SMALL || ++this.#moves % 16 === 0) this.#grow(0)
  }

  #note(each: number): void {
    const header = new Uint32Array(this.memory.buffer, SCRATCH_AT, 2)
    header[0] = this.#scratch
    header[1] = each
  }

  #growTo(end: number): boolean {
    const have = this.byteLength
    const limit = Math.min(this.#options.limit(), MOST_PAGES * PAGE)
    if (end + Math.min(this.#kept, limit * WORKING_SHARE) > limit) return false
    if (end <= have) return true
    return (
      this.#grow(Math.min(limit, Math.max(end, have * (1 + SPARE_SHARE))) - have) || this.#grow(end - have)
    )
  }

  #grow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil(bytes / PAGE))
      return true
    } catch {
      return false
    }
  }
}
