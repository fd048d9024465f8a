import { DeviceError } from '../errors.ts'
import { sizeOf } from '../tensor/dims.ts'
import { bytesOf, type DType, viewBytes } from '../tensor/dtype.ts'
import { Tensor } from '../tensor/tensor.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import type { Device, Memory } from './device.ts'

/**
 * The device of plain TypeScript: ordinary JavaScript memory and the reference kernels, which
 * specify what every other device computes. It is always there and never lost, and accelerates
 * nothing, so its kernel table is empty.
 */
export const reference: Device = /* @__PURE__ */ referenceDevice()

function referenceDevice(): Device {
  let scope: Set<Memory> | undefined
  const made = (type: string, bytes: Uint8Array, dims: readonly number[]) => {
    const tensor = new Tensor(type as DType, bytes, dims)
    scope?.add(tensor.memory)
    return tensor
  }
  return {
    name: 'reference',
    host: true,
    info: Object.freeze({ threads: 1 }),
    kernels: Object.freeze({}),
    fallbacks: new Map(),
    lost: new Promise(() => {}),

    empty: (type, dims) => made(type, new Uint8Array(bytesOf(type, sizeOf(dims, 'Device.empty'))), dims),
    upload: ({ type, data, dims }) => made(type, viewBytes(data).slice(), dims),

    pack: weight => weight,
    unpack: weight => weight,

    scope(run) {
      const outer = scope
      const inner = new Set<Memory>()
      scope = inner
      try {
        const result = run()
        if (result instanceof Promise) {
          throw new DeviceError('[Device.scope] expected synchronous code, got a promise; await it outside')
        }
        for (const { memory } of tensorsOf(result)) {
          if (inner.delete(memory)) outer?.add(memory)
        }
        return result
      } finally {
        scope = outer
        for (const memory of inner) memory.free()
      }
    },

    dispose() {},
  }
}

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
