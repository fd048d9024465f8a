import { createNativeDevice, nativeAvailable, nativeLimits } from '@tersor/backend-native'
import type { Tensor } from '@tersor/core-tensor'
import { OPERATIONS, type WasmLimits, wasmLimits } from './wasm-limits.ts'
import type { Work } from './work.ts'

/** One of the things that bound a kernel, as work that is measured among the others. */
export interface Limit {
  /** Bytes, or multiplications and additions, that one call of the work does. */
  readonly amount: number
  readonly work: Work
}

/** Far more than the caches hold. */
const READ_BYTES = 2 ** 29
/** Half a millisecond. */
const TIMES = 2 ** 18

/**
 * What this machine allows: reading memory that is in no cache, and multiplying and adding in registers,
 * with the vectors of this processor or with those of 128 bits that WebAssembly has.
 */
export class Limits {
  #wasm: WasmLimits | undefined
  #memory: Tensor | undefined
  readonly #made = new Map<string, Limit | undefined>()

  static async create(): Promise<Limits> {
    const limits = new Limits()
    if (nativeAvailable()) {
      // Tensors of the device, so that they lie as those of the kernels do.
      limits.#memory = (await createNativeDevice({ threads: 1 })).empty('uint8', [READ_BYTES])
      // Pages that nobody has written to would all be one page, in the first cache.
      limits.#memory.data.fill(1 as never)
    }
    return limits
  }

  /** None where there is no way to measure. */
  read(threads: number): Limit | undefined {
    return this.#once(`read ${threads}`, () => {
      const bytes = this.#memory?.data
      if (bytes instanceof Uint8Array) return limit(READ_BYTES, () => nativeLimits().read(bytes, threads))
      return threads === 1 ? limit(READ_BYTES, () => this.#wasmLoops().read()) : undefined
    })
  }

  multiplyAdd(vectors: 'processor' | '128 bits', threads: number): Limit | undefined {
    return this.#once(`multiplyAdd ${vectors} ${threads}`, () => {
      // Threads do not share what this needs.
      if (vectors === '128 bits')
        return limit(TIMES * OPERATIONS * threads, () => this.#wasmLoops().multiplyAdd(TIMES))
      if (!nativeAvailable()) return undefined
      const run = () => nativeLimits().multiplyAdd(TIMES, threads)
      return limit(run(), run)
    })
  }

  #once(key: string, make: () => Limit | undefined): Limit | undefined {
    if (!this.#made.has(key)) this.#made.set(key, make())
    return this.#made.get(key)
  }

  #wasmLoops(): WasmLimits {
    this.#wasm ??= wasmLimits(READ_BYTES)
    return this.#wasm
  }
}

function limit(amount: number, call: () => unknown): Limit {
  return { amount, work: { calls: 1, run: () => void call(), result: () => new Float32Array(0) } }
}
