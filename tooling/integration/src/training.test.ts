import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice, training } from '@tersor/backend-wasm'
import { type Device, Rng, Tensor } from '@tersor/core-tensor'
import { llamaGradients, train } from '@tersor/distill'
import { configFromHuggingFace, Decoder, weightShapes } from '@tersor/models'
import { describe, expect, test } from 'vitest'

const config = configFromHuggingFace({
  model_type: 'llama',
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size: 24,
  head_dim: 4,
  intermediate_size: 40,
  vocab_size: 33,
  tie_word_embeddings: true,
})

function weightsOn(device?: Device): Map<string, Tensor> {
  const rng = new Rng(1)
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of weightShapes(config)) {
    const size = dims.reduce((a, b) => a * b)
    const values = Float32Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.4 * rng.normal()))
    const weight = new Tensor('float32', values, dims)
    weights.set(name, device === undefined ? weight : device.upload(weight))
  }
  return weights
}

/** Longer than a block of queries, and a document of one token. */
function data(step: number) {
  const rng = new Rng(1000 + step)
  return Array.from({ length: 3 }, () => ({
    tokens: Int32Array.from({ length: 300 }, () => rng.integer(33)),
    borders: [0, 20, 21, 300],
  }))
}

const devices: [string, () => Promise<Device>][] = [
  ['wasm', () => createWasmDevice({ threads: 1, groups: [training] })],
]
if (nativeAvailable()) devices.push(['native', () => createNativeDevice({ threads: 2 })])

describe.each(devices)('training on %s', (_, create) => {
  test('the gradients are those of the reference', async () => {
    const device = await create()
    const expected = llamaGradients(config, weightsOn(), data(0))
    const actual = llamaGradients(config, weightsOn(device), data(0))
    expect(Math.abs(actual.loss - expected.loss)).toBeLessThan(1e-5)
    for (const [name, gradient] of actual.gradients) {
      const a = gradient.data as Float32Array
      const b = expected.gradients.get(name)!.data as Float32Array
      const error = Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b)
      expect(error, name).toBeLessThan(1e-4)
    }
    // What trains must not be slow in secret: these two only move rows.
    expect([...device.fallbacks.keys()].sort()).toEqual(['gather', 'scatterAdd'])
    device.dispose()
  })

  test('a resumed run ends in the same bits', async () => {
    const device = await create()
    const model = new Decoder(config, weightsOn(device), device)
    const run = async (resume?: Uint8Array) => {
      const kept: Uint8Array[] = []
      await train(model, {
        steps: 6,
        data,
        checkpointEvery: 3,
        saveCheckpoint: bytes => void kept.push(bytes),
        resume,
      })
      return kept
    }
    const [middle, end] = await run()
    const [again] = await run(middle)
    expect(Buffer.compare(again!, end!)).toBe(0)
    device.dispose()
  })
})
