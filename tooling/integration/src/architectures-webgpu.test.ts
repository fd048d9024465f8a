import { existsSync } from 'node:fs'
import { createWebGpuDevice, type WebGpuDevice } from '@tersor/backend-webgpu'
import { architectureRows, describeArchitectureOn, describeEncoderOn } from '@tersor/models/testing'
import { afterAll, describe, vi } from 'vitest'

/** Families that differ in what they ask of a device: software drivers take seconds to compile a kernel. */
const FOLDERS = ['llama-3.2', 'qwen3', 'gemma3', 'phi-3', 'gpt2', 'mixtral']

/** Software drivers, for machines without a graphics card: Mesa's, and the one that comes with Chromium. */
const SOFTWARE_DRIVERS = ['/usr/share/vulkan/icd.d/lvp_icd.json', '/usr/lib/chromium/vk_swiftshader_icd.json']
const driver = SOFTWARE_DRIVERS.find(path => existsSync(path))
if (driver !== undefined) process.env.VK_ICD_FILENAMES ??= driver

const found = await createWebGpuDevice().catch((error: Error) => error)
if (found instanceof Error) console.log(`skipped: families on WebGPU need a graphics card; ${found.message}`)

vi.setConfig({ testTimeout: 300_000 })

describe.skipIf(found instanceof Error)('webgpu', () => {
  const device = found as WebGpuDevice
  afterAll(() => device.dispose())

  for (const row of architectureRows.filter(({ folder }) => FOLDERS.includes(folder))) {
    describeArchitectureOn(row, () => device)
  }
  describeEncoderOn('minilm-bert', () => device)
})
