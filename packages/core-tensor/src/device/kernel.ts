import { DeviceError, UnsupportedError } from '../errors.ts'
import { reference } from '../tensor/tensor.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import type { Device } from './device.ts'
import type { Kernels } from './kernels.ts'

/**
 * Makes the callable of a kernel: it runs what the tensors' device has in its table, or the
 * reference on that device's own memory where the device is a host.
 *
 * @throws {DeviceError} when the tensors are on different devices
 * @throws {UnsupportedError} when a remote device lacks the kernel
 */
export function kernel<N extends keyof Kernels>(name: N, specification: Kernels[N]): Kernels[N] {
  const run = (...args: unknown[]): unknown => {
    const device = sharedDevice(name, args)
    const own = device.kernels[name] as ((...args: unknown[]) => unknown) | undefined
    const result = own?.(...args)
    if (result !== undefined) return result
    if (!device.host) {
      throw new UnsupportedError(
        `[${name}] ${device.name} does not offer it; move the tensors to a host device`,
      )
    }
    if (device !== reference) {
      const counts = device.fallbacks as Map<string, number>
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return (specification as (...args: unknown[]) => unknown)(...args)
  }
  return run as Kernels[N]
}

/** The device that all tensors in the arguments are on; the reference where there is none. */
function sharedDevice(name: string, args: readonly unknown[]): Device {
  let device: Device | undefined
  for (const tensor of tensorsOf(args)) {
    if (device !== undefined && tensor.device !== device) {
      throw new DeviceError(
        `[${name}] expected all tensors on one device, got ${device.name} and ${tensor.device.name}; use \`await tensor.to(device)\``,
      )
    }
    device = tensor.device
  }
  return device ?? reference
}
