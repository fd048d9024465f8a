import { type Device, DeviceError, type Memory } from '@tersor/core-tensor'

/** A block of graphics memory: a whole buffer, which the device gives out again once it is free. */
export class GpuMemory implements Memory {
  readonly device: Device
  readonly byteLength: number
  readonly #buffer: GPUBuffer
  readonly #release: () => void
  readonly #read: (buffer: GPUBuffer, start: number, length: number) => Promise<Uint8Array>
  #freed = false

  /** @param release  gives the buffer back */
  constructor(
    device: Device,
    buffer: GPUBuffer,
    byteLength: number,
    release: () => void,
    read: (buffer: GPUBuffer, start: number, length: number) => Promise<Uint8Array>,
  ) {
    this.device = device
    this.byteLength = byteLength
    this.#buffer = buffer
    this.#release = release
    this.#read = read
  }

  /** The buffer while this memory is in use. */
  get buffer(): GPUBuffer {
    if (this.#freed) {
      throw new DeviceError(
        '[Tensor] this tensor was disposed, or left the scope that made it; return it from the scope',
      )
    }
    return this.#buffer
  }

  bytes(): Uint8Array {
    throw new DeviceError(
      '[Tensor.data] expected a tensor on a host device, got one on webgpu; use `await tensor.read()`',
    )
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    return this.#read(this.buffer, start, length)
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    this.#release()
  }
}
