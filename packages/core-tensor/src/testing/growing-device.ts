import type { Device, Memory } from '../device/device.ts'
import { Scopes } from '../device/scope.ts'
import type { Encoded } from '../encoded/encoded.ts'
import { DeviceError } from '../errors.ts'
import { sizeOf } from '../tensor/dims.ts'
import { bytesOf, type DType } from '../tensor/dtype.ts'
import { Tensor, type TensorLike } from '../tensor/tensor.ts'
import { requireTensorLike } from '../tensor/tensor-like.ts'

/**
 * A host device without kernels of its own whose memory moves at every allocation, as that of
 * WebAssembly does when it grows: every view made before goes dead. What runs on it, falls back to
 * the reference and keeps no view across an allocation.
 */
export class GrowingDevice implements Device {
  readonly name = 'growing'
  readonly host = true
  readonly info = {}
  readonly kernels = {}
  readonly fallbacks = new Map<string, number>()
  readonly lost = new Promise<Error>(() => {})
  /** Blocks that are not freed. */
  readonly live = new Set<Memory>()
  #buffer = new ArrayBuffer(64)
  /** Bytes of the buffer that are given away; those behind are zeros. */
  #used = 0
  readonly #scopes = new Scopes()

  empty(type: DType, dims: readonly number[]): Tensor {
    const start = this.#used
    const byteLength = bytesOf(type, sizeOf(dims))
    this.#used += Math.ceil(byteLength / 8) * 8
    this.#move()
    const memory = this.#memory(start, byteLength)
    this.live.add(memory)
    this.#scopes.add(memory)
    return new Tensor(type, memory, dims, 0, true)
  }

  upload(from: TensorLike): Tensor {
    requireTensorLike(from, 'Device.upload')
    const { buffer, byteOffset, byteLength } = from.data
    const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice()
    const tensor = this.empty(from.type as DType, from.dims)
    tensor.memory.bytes().set(bytes)
    return tensor
  }

  pack(weight: Encoded): Encoded {
    return weight
  }

  unpack(weight: Encoded): Encoded {
    return weight
  }

  scope<T>(code: () => T): T {
    return this.#scopes.run(code)
  }

  /** Starts over, so that a long suite stays small. */
  dispose(): void {
    this.#buffer = new ArrayBuffer(64)
    this.#used = 0
    this.live.clear()
  }

  /** Room for what is used, in a buffer that no view has seen. */
  #move(): void {
    if (this.#used <= this.#buffer.byteLength) {
      this.#buffer = structuredClone(this.#buffer, { transfer: [this.#buffer] })
      return
    }
    const grown = new ArrayBuffer(2 * this.#used)
    new Uint8Array(grown).set(new Uint8Array(this.#buffer))
    structuredClone(this.#buffer, { transfer: [this.#buffer] })
    this.#buffer = grown
  }

  #memory(start: number, byteLength: number): Memory {
    const bytes = () => {
      if (!this.live.has(memory)) throw new DeviceError('[GrowingDevice] this tensor was freed')
      return new Uint8Array(this.#buffer, start, byteLength)
    }
    const memory: Memory = {
      device: this,
      byteLength,
      bytes,
      read: async (from, length) => bytes().slice(from, from + length),
      free: () => void this.live.delete(memory),
    }
    return memory
  }
}
