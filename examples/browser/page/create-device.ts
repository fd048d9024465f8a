import { createWasmDevice } from '@tersor/backend-wasm'
import { createWebGpuDevice } from '@tersor/backend-webgpu'
import type { Device } from '@tersor/core-tensor'

export async function createDevice(name: 'wasm' | 'webgpu'): Promise<Device> {
  if (name === 'webgpu') return createWebGpuDevice()
  const device = await createWasmDevice()
  await device.startThreads()
  return device
}

/** What a device runs on, in words. */
export function aboutDevice({ name, info }: Device): string {
  const { threads, threadsReason, description, vendor, architecture } = info
  const where =
    threads === undefined
      ? [description, vendor, architecture]
      : [`${threads} thread${threads === 1 ? '' : 's'}`]
  const reason = threadsReason === undefined ? '' : `: ${threadsReason}`
  return [name, ...where.filter(Boolean)].join(', ') + reason
}
