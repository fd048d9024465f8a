import { type Device, DeviceError, type Memory } from '@tersor/core-tensor'
import type { Arena } from './arena.ts'

/** A block of an arena. */
export class WasmMemory implements Memory {
  readonly device: Device
  readonly byteLength: number
  readonly arena: Arena
  readonly #address: number
  readonly #release: () => void
  #freed = false

  /** @param release  gives the block back */
  constructor(device: Device, arena: Arena, address: number, byteLength: number, release: () => void) {
    this.device = device
    this.arena = arena
    this.byteLength = byteLength
    this.#address = address
    this.#release = release
  }

  /** Where the block begins. */
  get address(): number {
    if (this.#freed) {
      throw new DeviceError(
        '[Tensor] this tensor was disposed, or left the scope that made it; return it from the scope',
      )
    }
    return this.#address
  }

  bytes(): Uint8Array {
    return this.arena.bytes(this.address, this.byteLength)
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    return this.bytes().slice(start, start + length)
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    this.#release()
  }
}
