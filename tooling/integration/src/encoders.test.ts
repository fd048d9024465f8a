import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob, modelRecipe, type Step } from '@tersor/compress'
import type { Device } from '@tersor/core-tensor'
import { loadEncoder, openModel } from '@tersor/models'
import {
  describeEncoderOn,
  type EncoderExpectation,
  encoderExpectation,
  encoderFolders,
  Golden,
  hasGoldens,
} from '@tersor/models/testing'
import { quantizeMethods } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const devices: readonly [name: string, available: boolean, create: () => Promise<Device>][] = [
  ['wasm', true, () => createWasmDevice({ threads: 1 })],
  ['native', nativeAvailable(), () => createNativeDevice({ threads: 1 })],
]

describe.each(devices)('encoders on %s', (_, available, create) => {
  let device: Device | undefined
  beforeAll(async () => {
    if (available) device = await create()
  })
  afterAll(() => device?.dispose())

  for (const folder of encoderFolders) describeEncoderOn(folder, () => device)
})

describe.skipIf(!hasGoldens)('weight methods on an encoder', () => {
  const golden = new Golden('minilm-bert')
  let folder = ''
  let expected: EncoderExpectation
  beforeAll(async () => {
    expected = await encoderExpectation('minilm-bert')
    folder = await mkdtemp(join(tmpdir(), 'tersor-encoder-'))
    await mkdir(join(folder, 'source', '1_Pooling'), { recursive: true })
    for (const name of ['model.safetensors', 'config.json', 'tokenizer.json'])
      await cp(golden.path(name), join(folder, 'source', name))
    const modules = ['Transformer', 'Pooling'].map((type, i) => ({
      path: i === 0 ? '' : '1_Pooling',
      type: `sentence_transformers.models.${type}`,
    }))
    await writeFile(join(folder, 'source', 'modules.json'), JSON.stringify(modules))
    await writeFile(join(folder, 'source', '1_Pooling', 'config.json'), '{"pooling_mode_cls_token":true}')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** The mean square of what a method changes behind the last layer. */
  async function lossOf(name: string, step: Step): Promise<number> {
    const source = await openModel(join(folder, 'source'))
    const target = join(folder, name, 'model.safetensors')
    const recipe = modelRecipe([step], source.names, {
      delicate: [{ method: 'rtn', bits: 8, groupSize: 32 }],
    })
    const { texts: calibration } = expected
    await createJob({ source, target, recipe, calibration, methods: quantizeMethods }).run()
    await source.close()
    const encoder = await loadEncoder(target)
    // The files about whole texts have travelled with it.
    expect(encoder.config.pooling).toEqual({ kind: 'cls', normalize: false })
    const last = (await encoder.forward(expected.texts)).data as Float32Array
    const squares = last.map((x, i) => (x - expected.last[i]!) ** 2)
    return squares.reduce((sum, square) => sum + square, 0) / squares.length
  }

  it('lose little at 8 bits, more at 3, and less where they are calibrated', async () => {
    const eight = await lossOf('rtn8', { method: 'rtn', bits: 8, groupSize: 32 })
    const rounded = await lossOf('rtn3', { method: 'rtn', bits: 3, groupSize: 32 })
    const calibrated = await lossOf('gptq3', { method: 'gptq', bits: 3, groupSize: 32 })
    expect(eight).toBeGreaterThan(0)
    expect(eight).toBeLessThan(1e-3)
    expect(rounded).toBeGreaterThan(100 * eight)
    expect(calibrated).toBeLessThan(0.5 * rounded)
  })
})
