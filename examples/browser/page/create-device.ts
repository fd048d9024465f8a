import { createWasmDevice } from '@tersor/backend-wasm'
import type { Device } from '@tersor/core-tensor'

export async function createDevice(name: 'wasm' | 'webgpu'): Promise<Device> {
  if (name === 'wasm') {
    const device = await createWasmDevice()
    await device.startThreads()
    return device
  }
  throw new Error('WebGPU is not there yet')
}
