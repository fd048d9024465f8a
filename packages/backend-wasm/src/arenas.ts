import { type Device, DeviceError } from '@tersor/core-tensor'
import { Arena } from './arena.ts'
import { WasmMemory } from './wasm-memory.ts'

export interface ArenasOptions {
  readonly modules: readonly WebAssembly.Module[]
  readonly shared: boolean
  /** The most bytes that all memories together may have. */
  readonly maxBytes: number
  /** The most bytes of one memory. */
  readonly arenaBytes: number
  readonly debug: boolean
  readonly threads: number
  /** Called with each new memory. */
  onMemory(memory: WebAssembly.Memory): void
}

/**
 * All memories of a device. A block lies wholly in one of them; a new one is made when none has room,
 * so that together they may pass 4 GiB.
 */
export class Arenas {
  readonly all: Arena[] = []
  readonly #options: ArenasOptions
  /** Blocks whose tensor was collected without being disposed of. */
  readonly #forgotten: FinalizationRegistry<() => void>
  #closed: string | undefined

  constructor(options: ArenasOptions) {
    this.#options = options
    this.#forgotten = new FinalizationRegistry(release => release())
    this.#add()
  }

  /** Bytes that all memories take. */
  get byteLength(): number {
    return this.all.reduce((sum, arena) => sum + arena.byteLength, 0)
  }

  /** Bytes of blocks in use, each rounded up. */
  get used(): number {
    return this.all.reduce((sum, arena) => sum + arena.used, 0)
  }

  /** @throws {DeviceError} when there is no room, or after {@link Arenas.close} */
  allocate(device: Device, byteLength: number, zeros: boolean): WasmMemory {
    this.requireOpen()
    for (const arena of this.all) {
      const address = arena.allocate(byteLength, { zeros })
      if (address !== undefined) return this.#block(device, arena, address, byteLength)
    }
    // Another memory helps only where this one has no addresses left, not where the machine has no memory.
    const arena = this.byteLength < this.#options.maxBytes ? this.#add() : undefined
    const address = arena?.allocate(byteLength, { zeros })
    if (arena === undefined || address === undefined) {
      if (arena !== undefined) this.all.pop()
      throw outOfMemory(byteLength, this.used, this.#options)
    }
    this.#options.onMemory(arena.memory)
    return this.#block(device, arena, address, byteLength)
  }

  /** Throws a {@link DeviceError} once the arenas are closed. */
  requireOpen(): void {
    if (this.#closed !== undefined) throw new DeviceError(this.#closed)
  }

  /** Lets go of all memory; using its tensors afterwards throws `reason`. */
  close(reason: string): void {
    this.#closed ??= reason
    for (const arena of this.all) arena.close(reason)
    this.all.length = 0
  }

  #add(): Arena | undefined {
    const { modules, shared, arenaBytes, maxBytes, debug, threads } = this.#options
    try {
      const arena: Arena = new Arena({
        modules,
        shared,
        debug,
        threads,
        limit: () => Math.min(arenaBytes, maxBytes - (this.byteLength - arena.byteLength)),
      })
      this.all.push(arena)
      if (this.all.length === 1) this.#options.onMemory(arena.memory)
      return arena
    } catch (error) {
      if (this.all.length === 0) {
        throw new DeviceError(`[createWasmDevice] the engine gave no memory: ${error}`, { cause: error })
      }
      return undefined
    }
  }

  #block(device: Device, arena: Arena, address: number, byteLength: number): WasmMemory {
    const forgotten = this.#forgotten
    const release = () => {
      arena.free(address, byteLength)
    }
    const token = {}
    const memory = new WasmMemory(device, arena, address, byteLength, () => {
      forgotten.unregister(token)
      release()
    })
    forgotten.register(memory, release, token)
    return memory
  }
}

function outOfMemory(byteLength: number, used: number, { maxBytes, arenaBytes }: ArenasOptions): DeviceError {
  const limits = [
    Number.isFinite(maxBytes) ? `maxBytes is ${maxBytes}` : undefined,
    byteLength > arenaBytes ? `one tensor may have ${arenaBytes}` : undefined,
  ].filter(limit => limit !== undefined)
  const why = limits.length > 0 ? `; ${limits.join(', ')}` : ''
  return new DeviceError(
    `[wasm] out of memory: expected room for ${byteLength} bytes, got none beside the ${used} in use${why}; dispose of tensors, or split this one`,
  )
}
