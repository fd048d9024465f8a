import { nodeModule } from '@tersor/core-tensor'
import { createWebGpuDevice, type WebGpuDevice } from '../index.ts'

/** The software driver that comes with Chromium, for machines without a graphics card. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (nodeModule<typeof import('node:fs')>('node:fs')?.existsSync(SWIFTSHADER))
  process.env.VK_ICD_FILENAMES ??= SWIFTSHADER

let gpu: GPU | undefined

/** Where adapters come from in Node; one for the life of the process. */
export async function gpuOfTests(): Promise<GPU> {
  gpu ??= (await import('webgpu')).create([]) as GPU
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
