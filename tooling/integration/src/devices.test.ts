import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob, modelRecipe, type Step, sampleWindows } from '@tersor/compress'
import {
  type Device,
  type Encoded,
  isEncoded,
  optionsOf,
  Rng,
  reference,
  type Tensor,
  type WeightMethod,
} from '@tersor/core-tensor'
import { fingerprint, gramOf, layerInputs, normals } from '@tersor/core-tensor/testing'
import { type EvaluationWindow, evaluate, verify } from '@tersor/eval'
import { loadModel, openModel } from '@tersor/models'
import { quantizeMethods, rtn } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const path = fileURLToPath(new URL('../../../../shared/data/lm-stories260k/stories260K.bin', import.meta.url))
const present = existsSync(path)
if (!present) console.log(`skipped: the device tests on a model need ${path}`)

const devices: readonly [name: string, available: boolean, create: () => Promise<Device>][] = [
  ['wasm', true, () => createWasmDevice({ threads: 1 })],
  ['wasm, two threads', true, () => createWasmDevice({ threads: 2 })],
  ['native', nativeAvailable(), () => createNativeDevice({ threads: 1 })],
  ['native, two threads', nativeAvailable(), () => createNativeDevice({ threads: 2 })],
]

/** How weights may be held while a model runs: every layout that devices pack, and plain ones. */
const METHODS: readonly (Step | undefined)[] = [
  undefined,
  { method: 'float8' },
  { method: 'nf4' },
  { method: 'rtn', bits: 8 },
  { method: 'rtn', bits: 4 },
  { method: 'rtn', bits: 3 },
  { method: 'rtn', bits: 2 },
]

describe.each(devices)('%s', (_, available, create) => {
  let device: Device

  beforeAll(async () => {
    if (available) device = await create()
  })
  afterAll(() => device?.dispose())

  it.skipIf(!available)('compresses to the bytes that the reference gives', async () => {
    const weight = normals([96, 200], 5)
    const gram = gramOf(layerInputs(200, 6))
    /** What a method makes with its defaults, after rounding where it improves what is there. */
    const made = async (method: WeightMethod, w: Tensor) => {
      const context = {
        name: 'w',
        original: w,
        rng: new Rng(1),
        device: w.device,
        statistics: { gram: await gram.to(w.device) },
      }
      const start = method.needs.includes('start') ? rtn(w, { bits: 3 }) : w
      return method.apply(start, optionsOf(method.options, {}, method.name), context)
    }
    const there = await weight.to(device)
    for (const method of quantizeMethods) {
      const [ours, theirs] = [await made(method, weight), await made(method, there)]
      expect(await fingerprint(theirs), method.name).toBe(await fingerprint(ours))
    }
    for (const options of [{ bits: 2, range: 'mse' }, { bits: 8 }, { bits: 4, zero: 'integer' }] as const)
      expect(await fingerprint(rtn(there, options))).toBe(await fingerprint(rtn(weight, options)))
  })

  describe.skipIf(!present || !available)('stories260K', () => {
    let folder = ''
    let windows: EvaluationWindow[] = []

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tersor-devices-'))
      const drawn = await sampleWindows(await loadModel(path), { tokens: 1_024, seed: 9, bos: 1 })
      windows = drawn.map(tokens => ({ tokens, from: 1 }))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    it.each(METHODS)('has the perplexity of the reference, %o', async method => {
      const file = method === undefined ? path : join(folder, 'model.safetensors')
      if (method !== undefined) {
        const source = await openModel(path)
        const delicate = [{ method: 'rtn', bits: 8 }]
        const recipe = modelRecipe([method], source.names, { delicate })
        await createJob({ source, target: file, recipe, methods: quantizeMethods, force: true }).run()
        await source.close()
      }
      const expected = await evaluate(await loadModel(file), windows)
      const model = await loadModel(file, { device })
      const { perplexity } = await evaluate(model, windows)
      model.dispose()
      expect(Math.abs(perplexity / expected.perplexity - 1)).toBeLessThan(1e-4)
    })

    it('agrees with the reference layer by layer', async () => {
      const [result] = await verify(await loadModel(path), [device])
      expect(result!.firstDivergence).toBeUndefined()
      expect(result!.layers.length).toBeGreaterThan(5)
    })

    it('moves a model and frees its source', async () => {
      const source = await loadModel(path)
      const moved = await source.to(device)
      expect([...moved.weights.values()].every(weight => homeOf(weight) === device)).toBe(true)
      expect(() => source.embed(Int32Array.of(1))).toThrow('was disposed')
      const { logits } = await moved.forward(Int32Array.of(1, 2, 3), { cache: moved.createCache() })
      const back = await (await loadModel(path)).to(reference)
      const want = await back.forward(Int32Array.of(1, 2, 3), { cache: back.createCache() })
      const [a, b] = [(await logits!.read()) as Float32Array, (await want.logits!.read()) as Float32Array]
      expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))).toBeLessThan(1e-4)
    })
  })
})

function homeOf(weight: Tensor | Encoded): Device {
  return isEncoded(weight) ? homeOf(Object.values(weight.parts)[0]!) : weight.device
}
