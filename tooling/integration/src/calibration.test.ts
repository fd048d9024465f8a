import { existsSync } from 'node:fs'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice, type WasmDevice } from '@tersor/backend-wasm'
import { createWebGpuDevice, type WebGpuDevice } from '@tersor/backend-webgpu'
import { type BlockStatistics, calibrateBlocks, collectStatistics } from '@tersor/compress'
import { type Device, type Encoded, isEncoded, type LayeredLM, Rng, type Tensor } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'
import { configFromHuggingFace, type Decoder, HEAD } from '@tersor/models'
import { randomModel, smallJson } from '@tersor/models/testing'
import { rtn } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Software drivers of WebGPU, for machines without a graphics card: Mesa's, and the one that comes with Chromium. */
const SOFTWARE_DRIVERS = ['/usr/share/vulkan/icd.d/lvp_icd.json', '/usr/lib/chromium/vk_swiftshader_icd.json']
const driver = SOFTWARE_DRIVERS.find(path => existsSync(path))
if (driver !== undefined) process.env.VK_ICD_FILENAMES ??= driver
const card = await createWebGpuDevice().catch((error: Error) => error)
if (card instanceof Error)
  console.log(`skipped: calibration on webgpu needs a graphics card; ${card.message}`)

const devices: readonly [name: string, available: boolean, create: () => Promise<Device>][] = [
  ['wasm', true, () => createWasmDevice({ threads: 1, debug: true })],
  ['native', nativeAvailable(), () => createNativeDevice()],
  ['webgpu', !(card instanceof Error), async () => card as WebGpuDevice],
]

const config = configFromHuggingFace({
  ...smallJson,
  tie_word_embeddings: false,
  max_position_embeddings: 512,
  hidden_size: 64,
  intermediate_size: 96,
  vocab_size: 200,
})
const model = randomModel(config)
const rng = new Rng(3)
/** Windows of more than one panel, and of less. */
const windows = [270, 40].map(length => Int32Array.from({ length }, () => rng.integer(config.vocabSize)))
const options = {
  statistics: ['gram', 'absMax', 'meanAbs', 'meanSquare', 'inputs'],
  head: true,
  sample: { rows: 40, seed: 1 },
} as const

/** Rounds every matrix on the reference device, whatever device the walk is on. */
const rounded = ({ weights }: BlockStatistics) =>
  new Map([...weights.keys()].map(name => [name, rtn(model.weights.get(name) as Tensor, { bits: 4 })]))

/** How far Gram matrices are apart, in units of √(gᵢᵢ · gⱼⱼ). */
function gramDistance(a: Tensor, b: Tensor): number {
  const [n, x, y] = [a.dims[0]!, a.data as Float64Array, b.data as Float64Array]
  let most = 0
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const at = i * n + j
      most = Math.max(most, Math.abs(x[at]! - y[at]!) / Math.sqrt(x[i * (n + 1)]! * x[j * (n + 1)]!))
    }
  }
  return most
}

/** How far vectors or rows are apart, relative to the largest element. */
function distance(a: Tensor, b: Tensor): number {
  expect(b.dims).toEqual(a.dims)
  const [x, y] = [a.data as Float64Array, b.data as Float64Array]
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return x.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i]!)), 0) / largest
}

async function walk(on: Device | undefined) {
  const moved = on === undefined ? model : await model.to(on, { keep: true })
  const blocks: BlockStatistics[] = []
  const result = await calibrateBlocks(moved, windows, options, block => {
    blocks.push(block)
    return rounded(block)
  })
  return { blocks, result, moved }
}

describe.each(devices)('calibration on %s', (name, available, create) => {
  let device: Device
  let expected: BlockStatistics[] = []

  beforeAll(async () => {
    if (!available) return
    device = await create()
    expected = (await walk(undefined)).blocks
  })
  afterAll(() => device?.dispose())

  it.skipIf(!available)('gathers what the reference gathers, in ordinary memory', async () => {
    const { blocks, result, moved } = await walk(device)
    expect(blocks.map(({ layer }) => layer)).toEqual([0, 1, 2])
    let [grams, others] = [0, 0]
    for (const [i, { statistics }] of blocks.entries()) {
      for (const [weight, found] of statistics) {
        const want = expected[i]!.statistics.get(weight)!
        for (const tensor of Object.values(found)) expect(tensor!.device.name).toBe('reference')
        grams = Math.max(grams, gramDistance(want.gram!, found.gram!))
        for (const each of ['absMax', 'meanAbs', 'meanSquare', 'inputs'] as const)
          others = Math.max(others, distance(want[each]!, found[each]!))
      }
    }
    console.log(
      `${name}: Gram matrices within ${grams.toExponential(1)}, the rest within ${others.toExponential(1)}`,
    )
    // Products with packed weights keep 14 bits of what they multiply.
    expect(grams).toBeLessThan(1e-3)
    expect(others).toBeLessThan(2e-3)
    for (const weight of result.blockWeights(1)) {
      const packed = result.weights.get(weight) as Encoded
      expect(isEncoded(packed) && homeOf(packed)).toBe(device)
    }
    if (device.host) expect((result.weights.get(HEAD) as Encoded).encoding.kind).toBe('packed')
    dispose(result, moved)
  })

  it.skipIf(!available)('differs by float32 sums of panels alone where nothing is replaced', async () => {
    const moved = await model.to(device, { keep: true })
    const here = await collectStatistics(model, windows, options)
    const there = await collectStatistics(moved, windows, options)
    expect(there.weights).toEqual(here.weights)
    for (const weight of here.weights) {
      expect(gramDistance(here.get(weight)!.gram!, there.get(weight)!.gram!), weight).toBeLessThan(1.6e-5)
      expect(there.samples(weight)).toBe(310)
      expect(transpose(there.get(weight)!.gram!, [1, 0]).data).toEqual(there.get(weight)!.gram!.data)
    }
    dispose(moved)
  })

  it.skipIf(!available || name === 'native')(
    'frees what it made there, also when a method throws',
    async () => {
      const original = await model.to(device, { keep: true })
      const short = [windows[1]!.subarray(0, 10)]
      const moved = await calibrateBlocks(original, short, options, rounded)
      const used = () => (device as WasmDevice | WebGpuDevice).memory.used
      const before = used()
      await collectStatistics(moved, short, options)
      await calibrateBlocks(moved, short, { ...options, inputs: 'both' }, () => new Map())
      const failing = calibrateBlocks(moved, short, options, () => {
        throw new Error('broken method')
      })
      await expect(failing).rejects.toThrow('broken method')
      expect(used()).toBe(before)
      dispose(moved, original)
    },
  )
})

/** Frees models, which may share weights: what is forgotten instead is collected some time, in the midst of another test perhaps. */
function dispose(...models: readonly LayeredLM[]): void {
  for (const model of models) (model as Decoder).dispose()
}

function homeOf(weight: Tensor | Encoded): Device {
  return isEncoded(weight) ? homeOf(Object.values(weight.parts)[0]!) : weight.device
}
