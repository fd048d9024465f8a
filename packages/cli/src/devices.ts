import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { type Device, reference } from '@tersor/core-tensor'
import { oneOf } from './arguments.ts'

/** What `--device` knows, the fastest first. */
export const DEVICES = ['native', 'wasm', 'reference'] as const

/** How commands describe `--device`. */
export const DEVICE_HELP = `--device     ${DEVICES.join(', ')}; by default the first of them that this machine has`

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
    default:
      return reference
  }
}

/** Every device of this machine but the reference. */
export async function otherDevices(): Promise<Device[]> {
  const wasm = await createWasmDevice()
  return nativeAvailable() ? [await createNativeDevice(), wasm] : [wasm]
}
