import { DeviceError } from '@tersor/core-tensor'

/** GPUBufferUsage, which Node has no global for. */
const MAP_READ = 0x1
const COPY_SRC = 0x4
const COPY_DST = 0x8
const STORAGE = 0x80

/** The smallest buffer; smaller tensors share its class. */
const SMALLEST = 256
/** From here on a buffer is as large as asked for: weights stay, and a quarter of them is a lot. */
const LARGE = 1 << 20
/** Free bytes that are kept for later. */
const KEPT = 256 << 20

interface FreeBuffer {
  readonly buffer: GPUBuffer
  /** The batch of commands during which it was given back. */
  readonly batch: number
}

/** A buffer, and whether it is new, and so all zeros. */
export interface PooledBuffer {
  readonly buffer: GPUBuffer
  readonly fresh: boolean
}

/** Buffers by size, used again as soon as they are free: commands run in the order in which they were recorded. */
export class BufferPool {
  readonly #gpu: GPUDevice
  /** The largest buffer that can be bound whole. */
  readonly #largest: number
  readonly #free = new Map<number, FreeBuffer[]>()
  readonly #staging = new Map<number, GPUBuffer[]>()
  /** To be destroyed once the commands that use them were submitted. */
  #dropped: GPUBuffer[] = []
  #freeBytes = 0
  #heldBytes = 0
  #batch = 0

  constructor(gpu: GPUDevice, largest: number) {
    this.#gpu = gpu
    this.#largest = largest
  }

  /** Bytes of all buffers, free ones too. */
  get byteLength(): number {
    return this.#heldBytes
  }

  /** Bytes of the buffers in use. */
  get used(): number {
    return this.#heldBytes - this.#freeBytes
  }

  /**
   * A buffer of at least `byteLength` bytes.
   *
   * @param idle  not one that recorded commands still use, because the queue writes to it at once
   * @throws {DeviceError} when it would be larger than the graphics card binds
   */
  take(byteLength: number, idle = false): PooledBuffer {
    const size = sizeClass(byteLength)
    if (size > this.#largest) {
      throw new DeviceError(
        `[webgpu] expected a tensor of at most ${this.#largest} bytes, which this graphics card binds at once, got ${byteLength}; ` +
          'split it by rows, for example with `concat(0, …)`',
      )
    }
    const free = this.#free.get(size)
    const at = free?.findLastIndex(({ batch }) => !idle || batch < this.#batch) ?? -1
    if (free !== undefined && at !== -1) {
      this.#freeBytes -= size
      return { buffer: free.splice(at, 1)[0]!.buffer, fresh: false }
    }
    this.#heldBytes += size
    const usage = STORAGE | COPY_SRC | COPY_DST
    return { buffer: this.#gpu.createBuffer({ size, usage }), fresh: true }
  }

  give(buffer: GPUBuffer): void {
    const { size } = buffer
    if (this.#freeBytes + size > KEPT) {
      this.#heldBytes -= size
      this.#dropped.push(buffer)
      return
    }
    this.#freeBytes += size
    const entry = { buffer, batch: this.#batch }
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [entry])
    else free.push(entry)
  }

  /** A buffer that can be mapped for reading. */
  takeStaging(byteLength: number): GPUBuffer {
    const size = sizeClass(byteLength)
    return this.#staging.get(size)?.pop() ?? this.#gpu.createBuffer({ size, usage: MAP_READ | COPY_DST })
  }

  giveStaging(buffer: GPUBuffer): void {
    const held = this.#staging.get(buffer.size)
    if (buffer.size > LARGE) buffer.destroy()
    else if (held === undefined) this.#staging.set(buffer.size, [buffer])
    else held.push(buffer)
  }

  /** All commands recorded so far were submitted. */
  submitted(): void {
    this.#batch++
    for (const buffer of this.#dropped) buffer.destroy()
    this.#dropped = []
  }

  /** Destroys what is free. */
  clear(): void {
    for (const { buffer } of [...this.#free.values()].flat()) buffer.destroy()
    for (const buffer of [...this.#staging.values()].flat()) buffer.destroy()
    this.#free.clear()
    this.#staging.clear()
    this.#heldBytes -= this.#freeBytes
    this.#freeBytes = 0
  }
}

/** Quarters of powers of two, so that at most a fifth is spare; large ones as they are. */
function sizeClass(byteLength: number): number {
  if (byteLength <= SMALLEST) return SMALLEST
  const step = byteLength > LARGE ? SMALLEST : 2 ** (Math.floor(Math.log2(byteLength)) - 2)
  return Math.ceil(byteLength / step) * step
}
