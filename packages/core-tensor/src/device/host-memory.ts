import { DeviceError } from '../errors.ts'
import type { Device, Memory } from './device.ts'

/** Ordinary JavaScript memory. */
export class HostMemory implements Memory {
  readonly device: Device
  readonly byteLength: number
  #bytes: Uint8Array | undefined

  constructor(bytes: Uint8Array, device: Device) {
    this.#bytes = bytes
    this.byteLength = bytes.byteLength
    this.device = device
  }

  bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      throw new DeviceError(
        '[Tensor] this tensor was disposed, or left the scope that made it; return it from there',
      )
    }
    return this.#bytes
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    return this.bytes().slice(start, start + length)
  }

  free(): void {
    this.#bytes = undefined
  }
}
