import { createWebGpuDevice, type WebGpuDevice } from '../index.ts'

/** Software drivers of Vulkan, for machines without a graphics card: Mesa's, and the one that comes with Chromium. */
const SOFTWARE_DRIVERS = [
  '/usr/share/vulkan/icd.d/lvp_icd.json',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
  '/usr/lib/chromium/vk_swiftshader_icd.json',
]

// A browser has its own.
if (typeof navigator === 'undefined' || !('gpu' in navigator)) {
  const { existsSync } = await import('node:fs')
  const driver = SOFTWARE_DRIVERS.find(path => existsSync(path))
  if (driver !== undefined) process.env.VK_ICD_FILENAMES ??= driver
}

let gpu: GPU | undefined

/** Where adapters come from; in Node one for the life of the process. */
export async function gpuOfTests(): Promise<GPU> {
  gpu ??=
    (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu ??
    ((await import('webgpu')).create([]) as GPU)
  return gpu
}

/** A device of whatever Vulkan driver there is. */
export function createTestDevice(): Promise<WebGpuDevice> {
  return createWebGpuDevice()
}

const found = await createTestDevice().catch((error: Error) => error)
if (found instanceof Error)
  console.log(`skipped: the tests of @tersor/backend-webgpu need a graphics card; ${found.message}`)
else found.dispose()

/** Whether these tests can run here. */
export const adapterFound = !(found instanceof Error)
