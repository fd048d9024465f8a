import { existsSync, readFileSync } from 'node:fs'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { byteLength, isEncoded } from '@tersor/core-tensor'
import { loadModel, openModel } from '@tersor/models'
import { distance } from '@tersor/models/testing'
import { describe, expect, it } from 'vitest'
import {
  goldenFolder,
  goldenJson,
  goldenNumbers,
  greedyTokens,
  natsOf,
  promptOf,
  smolLm2,
} from './testing/smollm2.ts'

const present = existsSync(smolLm2) && existsSync(goldenFolder)
if (!present) console.log(`skipped: SmolLM2 needs ${smolLm2} and ${goldenFolder}`)

const VOCABULARY = 49_152
/** Of the text whose nats are compared. */
const TOKENS = 256

describe.skipIf(!present || !nativeAvailable())('SmolLM2-135M-Instruct, from its GGUF alone', () => {
  it('is held in its own bits', async () => {
    const file = await openModel(smolLm2)
    const model = await loadModel(file)
    const held = [...model.weights.values()].reduce(
      (sum, weight) => sum + (isEncoded(weight) ? byteLength(weight) : weight.byteLength),
      0,
    )
    expect(held).toBeLessThan(1.01 * file.fileBytes)
    expect(file.info('layers.0.attention.query')).toMatchObject({ compressed: 'q4_1', dims: [576, 576] })
    await file.close()
  })

  it('has the logits of the reference implementation', async () => {
    const device = await createNativeDevice()
    const model = await loadModel(smolLm2, { device })
    const ids = Int32Array.from(promptOf('capital'))
    const { logits } = await model.forward(ids, { cache: model.createCache() })
    // Log-sum-exps, the 64 largest logits with their tokens, then the last position's.
    const file = readFileSync(`${goldenFolder}logits/capital.hf.bin`)
    const start = file.byteOffset + ids.length * (4 + 64 * 2 + 64 * 4)
    const expected = new Float32Array(file.buffer.slice(start, start + 4 * VOCABULARY))
    expect(distance(logits!.data as Float32Array, expected)).toBeLessThan(2e-4)
    device.dispose()
  })

  it('says the same greedily, and has the same nats', async () => {
    const device = await createNativeDevice()
    const model = await loadModel(smolLm2, { device })
    const { runs } = goldenJson<{ runs: { name: string; ids: number[] }[] }>('greedy.hf.json')
    const ids = runs.find(({ name }) => name === 'capital')!.ids.slice(0, 32)
    expect(await greedyTokens(model, promptOf('capital'), ids.length)).toEqual(ids)
    const text = Int32Array.from(goldenNumbers(Uint16Array, 'ppl/qmsum-1.ids.u16', TOKENS))
    const each = goldenNumbers(Float32Array, 'ppl/qmsum-1.hf.nll.f32', TOKENS - 1)
    const expected = each.reduce((a, b) => a + b)
    expect(Math.abs((await natsOf(model, text)) - expected) / (TOKENS - 1)).toBeLessThan(1e-4)
    device.dispose()
  })
})
