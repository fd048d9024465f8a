import { existsSync } from 'node:fs'
import { createWebGpuDevice, type WebGpuDevice, type WebGpuDeviceOptions } from '../index.ts'

/** The software driver that comes with Chromium, for machines without a graphics card. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER))
  process.env.VK_ICD_FILENAMES = SWIFTSHADER

/** A device of whatever Vulkan driver there is. */
export function createTestDevice(options: WebGpuDeviceOptions = {}): Promise<WebGpuDevice> {
  return createWebGpuDevice(options)
}

const found = await createTestDevice().catch((error: Error) => error)
if (found instanceof Error) console.log(`skipped: the tests of @tersor/backend-webgpu need a graphics card; ${found.message}`)
else found.dispose()

/** Whether these tests can run here. */
export const adapterFound = !(found instanceof Error)
