import { DeviceError } from '../errors.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import type { Memory } from './device.ts'

/** What `Device.scope` of every device does: the scopes that are running, each inside the one before. */
export class Scopes {
  #innermost: Set<Memory> | undefined

  /** Leaves a block that was just allocated to the innermost scope. */
  add(memory: Memory): void {
    this.#innermost?.add(memory)
  }

  /**
   * Runs synchronous code and frees the blocks that were added meanwhile, except those of the tensors
   * in what it returns: these are the outer scope's, where there is one.
   *
   * @throws {DeviceError} when the code returns a promise
   */
  run<T>(code: () => T): T {
    const outer = this.#innermost
    const made = new Set<Memory>()
    this.#innermost = made
    try {
      const result = code()
      if (result instanceof Promise) {
        throw new DeviceError('[Device.scope] expected synchronous code, got a promise; await it outside')
      }
      for (const { memory } of tensorsOf(result)) if (made.delete(memory)) outer?.add(memory)
      return result
    } finally {
      this.#innermost = outer
      for (const memory of made) memory.free()
    }
  }
}
