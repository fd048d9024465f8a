import { type Device, DeviceError, type Memory } from '@tersor/core-tensor'

/** The device of a block, whose end is that of its blocks. */
export type NativeOwner = Device & { readonly disposed: boolean }

/** A block of ordinary JavaScript memory that compiled code reads and writes in place. */
export class NativeMemory implements Memory {
  readonly device: NativeOwner
  readonly byteLength: number
  #bytes: Uint8Array | undefined
  readonly #released: (memory: NativeMemory, block: Uint8Array) => void

  constructor(
    device: NativeOwner,
    bytes: Uint8Array,
    released: (memory: NativeMemory, block: Uint8Array) => void,
  ) {
    this.device = device
    this.byteLength = bytes.byteLength
    this.#bytes = bytes
    this.#released = released
  }

  bytes(): Uint8Array {
    if (this.#bytes === undefined || this.device.disposed) {
      throw new DeviceError(
        '[Tensor] this tensor was disposed, left the scope that made it, or its device was; return it from the scope',
      )
    }
    return this.#bytes
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    return this.bytes().slice(start, start + length)
  }

  free(): void {
    const block = this.#bytes
    if (block === undefined) return
    this.#bytes = undefined
    this.#released(this, block)
  }
}
