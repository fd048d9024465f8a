import { sizeOf } from '../tensor/dims.ts'
import { bytesOf, viewBytes } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Device } from './device.ts'
import { Scopes } from './scope.ts'

/** The device of plain TypeScript, over a way to make tensors of JavaScript memory. */
export function referenceDevice(
  wrap: (type: string, bytes: Uint8Array, dims: readonly number[]) => Tensor,
): Device {
  const scopes = new Scopes()
  const made = (tensor: Tensor) => {
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

    empty: (type, dims) =>
      made(wrap(type, new Uint8Array(bytesOf(type, sizeOf(dims, 'Device.empty'))), dims)),
    upload: ({ type, data, dims }) => made(wrap(type, viewBytes(data).slice(), dims)),

    pack: weight => weight,
    unpack: weight => weight,
    scope: code => scopes.run(code),
    dispose() {},
  }
}
