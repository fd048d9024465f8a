import { sizeOf } from '../tensor/dims.ts'
import { bytesOf, type DType, viewBytes } from '../tensor/dtype.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import type { Device } from './device.ts'
import { Scopes } from './scope.ts'

/** The device of plain TypeScript, over a way to make tensors of JavaScript memory, which refuses what is none. */
export function referenceDevice(wrap: (like: TensorLike) => Tensor): Device {
  const scopes = new Scopes()
  const made = (type: DType, bytes: Uint8Array, dims: readonly number[]) => {
    const tensor = wrap({ type, data: bytes, dims })
    scopes.add(tensor.memory)
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
    upload(from) {
      const { type, data, dims } = wrap(from)
      return made(type, viewBytes(data).slice(), dims)
    },

    pack: weight => weight,
    unpack: weight => weight,
    scope: code => scopes.run(code),
    dispose() {},
  }
}
