import { availableParallelism } from 'node:os'
import { type Device, DeviceError, type Memory, ShapeError, UnsupportedError } from '@tersor/core-tensor'
import { type Activations, HostDevice } from '@tersor/core-tensor/host'
import { type Addon, addonProblem, loadAddon } from './addon.ts'
import { NativeMemory } from './native-memory.ts'
import { NativePrimitives } from './native-primitives.ts'
import { RecycledBlocks } from './recycled-blocks.ts'

/** An instruction set that the addon may have kernels for. */
export type NativeIsa = 'baseline' | 'avx2' | 'avx512' | 'neon'

export interface NativeDeviceOptions {
  /** Threads that share the work of a call; all that the system offers by default. */
  threads?: number | undefined
  /** The instruction set; the best that the processor has by default. */
  isa?: NativeIsa | undefined
  /** Bytes that tensors may hold at a time; what the system gives by default. */
  maxBytes?: number | undefined
  /**
   * How far products with packed weights may round activations: `exact`, the default, keeps what float32
   * keeps, and 15 bits where weights are levels of a table; `int8` rounds them to 8 bits in groups, which is
   * faster for many rows; `float32` rounds nothing, is slower by far, and is for comparing with other
   * implementations.
   */
  activations?: Activations | undefined
}

/** Cache lines, and the widest vectors. */
const ALIGNMENT = 64
/** Pages that save translations of addresses. Blocks of a few have some; those of many begin with one. */
const LARGE_PAGE = 2 ** 21
const FEW_PAGES = 2 * LARGE_PAGE
const MANY_PAGES = 8 * LARGE_PAGE

/**
 * A device that runs kernels in C++ on ordinary JavaScript memory, with threads.
 *
 * @throws {UnsupportedError} when there is no compiled part for this platform, or not this instruction set
 * @throws {ShapeError} when `threads` or `maxBytes` is not a positive integer
 *
 * ```ts no-run
 * const device = await createNativeDevice({ threads: 2 })
 * const x = device.upload(new Tensor('float32', [1, 2, 3], [3]))
 * ```
 */
export async function createNativeDevice(options: NativeDeviceOptions = {}): Promise<Device> {
  return makeNativeDevice(options)
}

/** Whether this platform has the compiled part that {@link createNativeDevice} needs. */
export function nativeAvailable(): boolean {
  return loadAddon() !== undefined
}

/** The instruction sets that a device can be made for here, the best first; none without the compiled part. */
export function nativeIsas(): NativeIsa[] {
  return (loadAddon()?.tableNames() ?? []) as NativeIsa[]
}

/** @internal */
export function makeNativeDevice({
  threads = Math.min(availableParallelism(), MOST_THREADS),
  isa,
  maxBytes = Infinity,
  activations = 'exact',
}: NativeDeviceOptions): NativeDevice {
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new ShapeError(`[createNativeDevice] expected 1 to ${MOST_THREADS} threads, got ${threads}`)
  }
  if (!(maxBytes > 0))
    throw new ShapeError(`[createNativeDevice] expected a positive maxBytes, got ${maxBytes}`)
  const addon = loadAddon()
  if (addon === undefined) {
    throw new UnsupportedError(
      `[createNativeDevice] expected the compiled part for ${process.platform} on ${process.arch}, got none (${addonProblem()}); ` +
        `install @tersor/backend-native-${process.platform}-${process.arch}, build it with \`pnpm build:native\` in a clone, or use createWasmDevice`,
    )
  }
  const names = addon.tableNames() as NativeIsa[]
  const chosen = isa ?? names[0]
  const table = names.indexOf(chosen ?? '')
  if (table < 0) {
    throw new UnsupportedError(
      `[createNativeDevice] expected an instruction set of this processor (${names.join(', ') || 'none'}), got ${chosen}`,
    )
  }
  return new NativeDevice(addon, table, { isa: chosen!, threads, maxBytes, activations })
}

/** What the pool has places for. */
const MOST_THREADS = 256

/** Every option, chosen. */
type NativeDeviceChoices = {
  readonly [O in keyof NativeDeviceOptions]-?: NonNullable<NativeDeviceOptions[O]>
}

/** Smaller blocks come and go by the hundreds for a token: each is watched once, and not every time that it is lent. */
const SMALL = 1 << 14

/** Whether a small block is lent to a tensor. */
interface Loan {
  readonly bytes: number
  lent: boolean
}

class NativeDevice extends HostDevice {
  readonly #addon: Addon
  readonly #maxBytes: number
  readonly #held = new Set<WeakRef<NativeMemory>>()
  readonly #references = new WeakMap<NativeMemory, WeakRef<NativeMemory>>()
  readonly #dropped: FinalizationRegistry<{ reference: WeakRef<NativeMemory>; bytes: number }>
  readonly #loans = new WeakMap<Uint8Array, Loan>()
  readonly #droppedLoans: FinalizationRegistry<Loan>
  readonly #recycled = new RecycledBlocks()
  #bytes = 0
  #disposed = false

  constructor(addon: Addon, table: number, { isa, threads, maxBytes, activations }: NativeDeviceChoices) {
    super('native', { isa, threads }, new NativePrimitives(addon, table, threads), activations)
    this.#addon = addon
    this.#maxBytes = maxBytes
    this.#dropped = new FinalizationRegistry(({ reference, bytes }) => {
      if (this.#held.delete(reference)) this.#bytes -= bytes
    })
    this.#droppedLoans = new FinalizationRegistry(({ bytes, lent }) => {
      if (lent) this.#bytes -= bytes
    })
  }

  protected override allocate(byteLength: number, zeros: boolean): Memory {
    if (this.#disposed) {
      throw new DeviceError(
        '[Device.empty] expected a device in use, got one that was disposed; make a new one',
      )
    }
    if (this.#bytes + byteLength > this.#maxBytes) {
      throw new DeviceError(
        `[Device.empty] expected at most ${this.#maxBytes} bytes in use, got ${byteLength} more than ${this.#bytes}; dispose of tensors or raise maxBytes`,
      )
    }
    const bytes = this.#recycled.take(byteLength, zeros) ?? this.#aligned(byteLength)
    this.#bytes += byteLength
    if (byteLength < SMALL) return this.#lend(bytes)
    const memory = new NativeMemory(this, bytes, (freed, block) => this.#release(freed, block))
    const reference = new WeakRef(memory)
    this.#held.add(reference)
    this.#references.set(memory, reference)
    this.#dropped.register(memory, { reference, bytes: byteLength }, memory)
    return memory
  }

  get disposed(): boolean {
    return this.#disposed
  }

  override dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const reference of [...this.#held]) reference.deref()?.free()
    this.#recycled.clear()
  }

  #aligned(byteLength: number): Uint8Array {
    const alignment = byteLength >= MANY_PAGES ? LARGE_PAGE : ALIGNMENT
    let buffer: ArrayBuffer
    try {
      buffer = new ArrayBuffer(byteLength + alignment)
    } catch {
      throw new DeviceError(
        `[Device.empty] expected memory for ${byteLength} bytes, got none from the system; dispose of tensors or use smaller ones`,
      )
    }
    const past = this.#addon.misalignment(new Uint8Array(buffer), alignment)
    const bytes = new Uint8Array(buffer, (alignment - past) % alignment, byteLength)
    if (byteLength >= FEW_PAGES) this.#addon.offerLargePages(bytes)
    return bytes
  }

  #lend(block: Uint8Array): NativeMemory {
    const loan = this.#loans.get(block) ?? { bytes: block.byteLength, lent: false }
    if (!this.#loans.has(block)) {
      this.#loans.set(block, loan)
      this.#droppedLoans.register(block, loan)
    }
    loan.lent = true
    return new NativeMemory(this, block, () => {
      loan.lent = false
      this.#bytes -= loan.bytes
      if (!this.#disposed) this.#recycled.give(block)
    })
  }

  #release(memory: NativeMemory, block: Uint8Array): void {
    this.#dropped.unregister(memory)
    this.#recycled.give(block)
    if (this.#held.delete(this.#references.get(memory)!)) this.#bytes -= memory.byteLength
  }
}
