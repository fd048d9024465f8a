import type { Device, Memory } from '../device/device.ts'
import { DeviceError } from '../errors.ts'
import { reference, Tensor } from '../tensor/tensor.ts'

/** A device that computes nothing and shows nothing but by `read`, as a graphics card without kernels. */
export function remoteDevice(): Device {
  const memory = (contents: Tensor): Memory => ({
    device,
    byteLength: contents.byteLength,
    bytes: () => {
      throw new DeviceError(
        '[Tensor.data] expected a tensor on a host device, got one on remote; use `await tensor.read()`',
      )
    },
    read: (start, length) => contents.memory.read(start, length),
    free: () => contents.dispose(),
  })
  const device: Device = {
    name: 'remote',
    host: false,
    info: {},
    kernels: {},
    fallbacks: new Map(),
    lost: new Promise(() => {}),
    empty: (type, dims) => new Tensor(type, memory(reference.empty(type, dims)), dims, 0, true),
    upload: from => {
      const contents = reference.upload(from)
      return new Tensor(contents.type, memory(contents), contents.dims, 0, true)
    },
    pack: weight => weight,
    unpack: weight => weight,
    scope: run => run(),
    dispose: () => {},
  }
  return device
}
