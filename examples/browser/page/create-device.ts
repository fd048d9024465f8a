import { createWasmDevice } from '@tersor/backend-wasm'
import { createWebGpuDevice } from '@tersor/backend-webgpu'
import type { Device } from '@tersor/core-tensor'

export async function createDevice(name: 'wasm' | 'webgpu'): Promise<Device> {
  if (name === 'webgpu') return createWebGpuDevice()
  const device = await createWasmDevice()
  await device.startThreads()
  return device
}
