import type { Memory } from '@tersor/core-tensor'
import { type Activations, HostDevice } from '@tersor/core-tensor/host'
import { Arenas } from './arenas.ts'
import { WasmPrimitives } from './wasm-primitives.ts'
import { WorkerPool } from './worker-pool.ts'

export interface WasmDeviceParts {
  readonly info: Readonly<Record<string, string | number | boolean>>
  readonly modules: readonly WebAssembly.Module[]
  /** This one and its workers. */
  readonly threads: number
  readonly shared: boolean
  readonly maxBytes: number
  readonly arenaBytes: number
  readonly debug: boolean
  readonly activations: Activations
}

/** Tensors in WebAssembly memory, and kernels in 128-bit vectors on them. Made by `createWasmDevice`. */
export class WasmDevice extends HostDevice {
  readonly #arenas: Arenas
  readonly #pool: WorkerPool | undefined

  constructor(parts: WasmDeviceParts) {
    const { modules, threads, info, activations } = parts
    const names = modules.flatMap(module => WebAssembly.Module.exports(module).map(({ name }) => name))
    const pool = threads > 1 ? new WorkerPool(threads - 1, modules, names) : undefined
    const arenas = new Arenas({ ...parts, onMemory: memory => pool?.share(memory) })
    const onLost = (reason: Error) => this.#end(reason)
    super('wasm', info, new WasmPrimitives(arenas, pool, names, onLost), activations)
    this.#arenas = arenas
    this.#pool = pool
  }

  /** Bytes that the device's memories take, and how many of them blocks in use. */
  get memory(): { readonly byteLength: number; readonly used: number } {
    return { byteLength: this.#arenas.byteLength, used: this.#arenas.used }
  }

  /**
   * Makes the workers now instead of at the first call that could use them.
   *
   * @returns how many threads take part from now on, this one included
   */
  async startThreads(): Promise<number> {
    await this.#pool?.start()
    return 1 + (this.#pool?.ready ?? 0)
  }

  dispose(): void {
    this.#pool?.dispose()
    this.#arenas.close('[wasm] this device was disposed; make a new one')
  }

  protected allocate(byteLength: number, zeros: boolean): Memory {
    return this.#arenas.allocate(this, byteLength, zeros)
  }

  #end(reason: Error): void {
    this.#pool?.dispose()
    this.#arenas.close(`[wasm] this device is lost: ${reason.message}`)
    this.lose(reason)
  }
}
