import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { coding, createWasmDevice } from '@tersor/backend-wasm'
import type { Device } from '@tersor/core-tensor'

/** A device by name, or undefined where it cannot be had, or not with so many threads. */
export async function openDevice(
  name: string,
  threads: number,
  activations: 'exact' | 'int8',
): Promise<Device | undefined> {
  if (name === 'native') return nativeAvailable() ? createNativeDevice({ threads, activations }) : undefined
  const device = await createWasmDevice({ threads, activations, groups: [coding] })
  if (device.info.threads === threads) return device
  device.dispose()
  return undefined
}
