import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWebGpuDevice, type WebGpuDevice } from '@tersor/backend-webgpu'
import { createJob, modelRecipe, type Step } from '@tersor/compress'
import { generate } from '@tersor/decode'
import { type Decoder, loadModel, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { tinyLm } from '@tersor/tiny-lm'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const path = fileURLToPath(tinyLm)

/** Software drivers, for machines without a graphics card: Mesa's, and the one that comes with Chromium. */
const SOFTWARE_DRIVERS = ['/usr/share/vulkan/icd.d/lvp_icd.json', '/usr/lib/chromium/vk_swiftshader_icd.json']
const driver = SOFTWARE_DRIVERS.find(path => existsSync(path))
if (driver !== undefined) process.env.VK_ICD_FILENAMES ??= driver

const found = await createWebGpuDevice().catch((error: Error) => error)
if (found instanceof Error)
  console.log(`skipped: the WebGPU tests on a model need a graphics card; ${found.message}`)

// Software drivers take seconds to compile a kernel.
vi.setConfig({ testTimeout: 300_000 })

const METHODS: readonly (Step | undefined)[] = [
  undefined,
  { method: 'rtn', bits: 8 },
  { method: 'rtn', bits: 4 },
  { method: 'nf4' },
]

const PROMPT = Int32Array.of(1, 403, 407, 261, 378, 398, 262)
const TOKENS = 8

describe.skipIf(found instanceof Error)('the bundled model on webgpu', () => {
  const device = found as WebGpuDevice
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-webgpu-'))
  })
  afterAll(async () => {
    device.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  it.each(METHODS)('has the logits and the tokens of the reference, %o', async method => {
    const file = method === undefined ? path : join(folder, 'model.safetensors')
    if (method !== undefined) {
      const source = await openModel(path)
      const recipe = modelRecipe([method], source.names, { delicate: [{ method: 'rtn', bits: 8 }] })
      await createJob({ source, target: file, recipe, methods: quantizeMethods, force: true }).run()
      await source.close()
    }
    const model = await loadModel(file)
    const moved = await (await loadModel(file)).to(device)
    expect(await largestDifference(model, moved)).toBeLessThan(1e-3)
    expect(await tokensOf(moved)).toEqual(await tokensOf(model))
    moved.dispose()
  })

  it('runs a forward pass in far fewer submissions than blocks', async () => {
    const moved = await loadModel(path, { device })
    const cache = moved.createCache()
    device.submit()
    const before = device.submissions
    const { logits } = await moved.forward(PROMPT, { cache })
    await logits!.read()
    expect(moved.config.layers).toHaveLength(8)
    expect(device.submissions - before).toBeLessThanOrEqual(2)
    moved.dispose()
  })
})

async function largestDifference(model: Decoder, moved: Decoder): Promise<number> {
  const [a, b] = await Promise.all(
    [model, moved].map(async each => {
      const { logits } = await each.forward(PROMPT, { cache: each.createCache(), logits: 'all' })
      return (await logits!.read()) as Float32Array
    }),
  )
  return Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)))
}

async function tokensOf(model: Decoder): Promise<number[]> {
  const tokens: number[] = []
  for await (const token of generate(model, PROMPT, { maxTokens: TOKENS })) tokens.push(token)
  return tokens
}
