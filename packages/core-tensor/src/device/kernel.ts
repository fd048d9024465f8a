import { DeviceError, DTypeError, UnsupportedError } from '../errors.ts'
import { reference } from '../tensor/tensor.ts'
import { described } from '../tensor/tensor-like.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import type { Device } from './device.ts'
import type { Kernels } from './kernels.ts'

type AnyFunction = (...args: unknown[]) => unknown

/**
 * Makes the callable of a kernel: it runs what the tensors' device has in its table, or the
 * reference on that device's own memory where the device is a host.
 *
 * @throws {DeviceError} when the tensors are on different devices
 * @throws {DTypeError} when an argument is not of the type that the kernel takes, as plain JavaScript lets happen
 * @throws {UnsupportedError} when a remote device lacks the kernel
 */
export function kernel<N extends keyof Kernels>(name: N, specification: Kernels[N]): Kernels[N] {
  const run: AnyFunction = (...args) => {
    try {
      return runOn(sharedDevice(name, args), name, args, specification as AnyFunction)
    } catch (error) {
      // Arguments are not looked at one by one: only what goes wrong pays for finding out why.
      throw error instanceof TypeError ? misuse(name, args, error) : error
    }
  }
  return run as Kernels[N]
}

function runOn(
  device: Device,
  name: keyof Kernels,
  args: readonly unknown[],
  specification: AnyFunction,
): unknown {
  const result = (device.kernels[name] as AnyFunction | undefined)?.(...args)
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
  return specification(...args)
}

/** What a JavaScript error within a kernel means to its caller. */
function misuse(name: string, args: readonly unknown[], cause: TypeError): DTypeError {
  return new DTypeError(
    `[${name}] expected the arguments that its documentation names, got ${args.map(described).join(', ') || 'none'}`,
    { cause },
  )
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
