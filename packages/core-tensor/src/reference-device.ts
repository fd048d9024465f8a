import type { Device, Memory } from './device.ts'
import { sizeOf } from './dims.ts'
import { bytesOf, checkDType, type DType } from './dtype.ts'
import type { Encoded } from './encoded.ts'
import { DeviceError } from './errors.ts'
import { Tensor, type TensorLike } from './tensor.ts'
import { tensorsOf } from './tensors-of.ts'

/**
 * The device of plain TypeScript: ordinary JavaScript memory and the reference kernels, which
 * specify what every other device computes. It accelerates nothing, so its kernel table is empty.
 */
class ReferenceDevice implements Device {
  readonly name = 'reference'
  readonly host = true
  readonly info = Object.freeze({ threads: 1 })
  readonly kernels = Object.freeze({})
  readonly fallbacks: ReadonlyMap<string, number> = new Map()
  readonly lost = new Promise<Error>(() => {})
  #scope: Set<Memory> | undefined

  empty(type: DType, dims: readonly number[]): Tensor {
    checkDType(type, 'Device.empty')
    const memory = hostMemory(new Uint8Array(bytesOf(type, sizeOf(dims, 'Device.empty'))))
    const tensor = new Tensor(type, memory, dims, 0, true)
    this.#scope?.add(tensor.memory)
    return tensor
  }

  upload(from: TensorLike): Tensor {
    checkDType(from.type, 'Device.upload')
    const bytes = new Uint8Array(from.data.buffer, from.data.byteOffset, from.data.byteLength)
    const tensor = new Tensor(from.type, bytes.slice(), from.dims)
    this.#scope?.add(tensor.memory)
    return tensor
  }

  pack(weight: Encoded): Encoded {
    return weight
  }

  unpack(weight: Encoded): Encoded {
    return weight
  }

  scope<T>(run: () => T): T {
    const outer = this.#scope
    const made = new Set<Memory>()
    this.#scope = made
    try {
      const result = run()
      if (result instanceof Promise) {
        throw new DeviceError(
          '[Device.scope] expected synchronous code, got a promise; await inside would outlive the scope',
        )
      }
      for (const { memory } of tensorsOf(result)) {
        if (made.delete(memory)) outer?.add(memory)
      }
      return result
    } finally {
      this.#scope = outer
      for (const memory of made) memory.free()
    }
  }

  dispose(): void {}
}

/** The reference device: always there, never lost. */
export const reference: Device = /* @__PURE__ */ new ReferenceDevice()

/** Ordinary JavaScript memory as memory of the reference device. */
export function hostMemory(bytes: Uint8Array): Memory {
  return new HostMemory(bytes)
}

class HostMemory implements Memory {
  readonly byteLength: number
  #bytes: Uint8Array | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.byteLength = bytes.byteLength
  }

  get device(): Device {
    return reference
  }

  bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      throw new DeviceError(
        '[Tensor] this tensor was disposed, or left the scope that made it; return it from the scope',
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
