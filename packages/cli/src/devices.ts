import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createWebGpuDevice } from '@tersor/backend-webgpu'
import { type Device, reference, UnsupportedError } from '@tersor/core-tensor'
import { oneOf } from './command/arguments.ts'
import type { Flag } from './command/flag.ts'

/** What `--device` knows. */
const DEVICES = ['native', 'wasm', 'webgpu', 'reference'] as const

/** `--device` of every command that computes. */
export const deviceFlag = {
  type: 'string',
  value: 'NAME',
  help: `where the model runs: ${DEVICES.join(', ')}; by default native where it is installed, else wasm`,
} as const satisfies Flag

/**
 * The device that a user named, or the fastest one here.
 *
 * @throws {UnsupportedError} when the named device is not available
 */
export async function openDevice(name?: string): Promise<Device> {
  const chosen = name === undefined ? undefined : oneOf(name, 'device', DEVICES)
  switch (chosen ?? (nativeAvailable() ? 'native' : 'wasm')) {
    case 'native':
      return createNativeDevice()
    case 'wasm':
      return createWasmDevice()
    case 'webgpu':
      return createWebGpuDevice()
    default:
      return reference
  }
}

/** A device that this machine does not have, and why. */
export interface MissingDevice {
  readonly name: string
  readonly reason: string
}

/** Every device of this machine but the reference, and those that it has not. */
export async function otherDevices(): Promise<{ devices: Device[]; missing: MissingDevice[] }> {
  const devices: Device[] = []
  const missing: MissingDevice[] = []
  for (const [name, create] of [
    ['native', createNativeDevice],
    ['wasm', createWasmDevice],
    ['webgpu', createWebGpuDevice],
  ] as const) {
    try {
      devices.push(await create())
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error
      missing.push({ name, reason: error.message })
    }
  }
  return { devices, missing }
}
