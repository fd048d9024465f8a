import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob } from '@tersor/compress'
import { type Device, decode, Rng, reference, Tensor } from '@tersor/core-tensor'
import { initialWeights, llamaGradients } from '@tersor/distill'
import {
  configFromHuggingFace,
  configText,
  Decoder,
  EMBEDDING,
  loadModel,
  type ModelFile,
  routeTokens,
  weightShapes,
} from '@tersor/models'
import { quantizeMethods, rtn } from '@tersor/quantize'
import { describe, expect, test } from 'vitest'

const config = configFromHuggingFace({
  model_type: 'mixtral',
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size: 24,
  head_dim: 4,
  intermediate_size: 40,
  vocab_size: 33,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  num_local_experts: 5,
  num_experts_per_tok: 2,
  tie_word_embeddings: true,
})

/** With routers of strong opinions, so that rounding sends no token elsewhere. */
function weightsOn(device: Device): Map<string, Tensor> {
  const weights = initialWeights(config, { seed: 4, device })
  for (const [name, weight] of weights) {
    const data = weight.data as Float32Array
    if (name.includes('router')) for (let i = 0; i < data.length; i++) data[i]! *= 50
  }
  return weights
}

const rng = new Rng(1)
const tokens = Int32Array.from({ length: 300 }, () => rng.integer(33))

const devices: [string, () => Promise<Device>][] = [['wasm', () => createWasmDevice({ threads: 1 })]]
if (nativeAvailable()) devices.push(['native', () => createNativeDevice({ threads: 2 })])

/** ‖a − b‖ / ‖b‖ */
function distance(a: Tensor, b: Tensor): number {
  const [left, right] = [a.data as Float32Array, b.data as Float32Array]
  return Math.hypot(...left.map((value, i) => value - right[i]!)) / Math.hypot(...right)
}

describe.each(devices)('a mixture of experts on %s', (_, create) => {
  test('says what it says on the reference, compressed or not, at once or token by token', async () => {
    const device = await create()
    const plain = new Decoder(config, weightsOn(reference))
    const names = plain.blockWeights(1).filter(name => name.includes('.experts.'))
    const small = plain.with(
      new Map(names.map(name => [name, rtn(plain.weights.get(name) as Tensor, { bits: 8 })])),
    )
    for (const model of [plain, small]) {
      const moved = await model.to(device, { keep: true })
      const run = async (llama: Decoder) =>
        (await llama.forward(tokens, { cache: llama.createCache(), logits: 'all' })).logits!
      const [expected, actual] = [await run(model), await run(moved)]
      expect(distance(actual, expected)).toBeLessThan(1e-4)
      const cache = moved.createCache()
      for (let t = 0; t < 20; t++) {
        const { logits } = await moved.forward(tokens.slice(t, t + 1), { cache })
        expect(distance(logits!, expected.rows(t, t + 1))).toBeLessThan(1e-4)
      }
    }
    device.dispose()
  })

  test('routes as the reference does', async () => {
    const device = await create()
    const rng = new Rng(2)
    const values = Float32Array.from({ length: 200 * 8 }, () => Math.round(4 * rng.normal()))
    const logits = new Tensor('float32', values, [200, 8])
    const expected = routeTokens(logits, { perToken: 3 })
    const actual = routeTokens(device.upload(logits), { perToken: 3 })
    expect(actual.borders).toEqual(expected.borders)
    expect(Array.from(actual.tokens.data as Int32Array)).toEqual(
      Array.from(expected.tokens.data as Int32Array),
    )
    expect(distance(actual.weights, expected.weights)).toBeLessThan(1e-6)
    device.dispose()
  })

  test('has the gradients of the reference', async () => {
    const device = await create()
    const windows = [{ tokens, borders: [0, 20, 21, 300] }]
    const expected = llamaGradients(config, weightsOn(reference), windows)
    const actual = llamaGradients(config, weightsOn(device), windows)
    expect(Math.abs(actual.loss - expected.loss)).toBeLessThan(1e-5)
    expect(Math.abs(actual.balance - expected.balance)).toBeLessThan(1e-7)
    for (const [name, gradient] of actual.gradients)
      expect(distance(gradient, expected.gradients.get(name)!), name).toBeLessThan(1e-4)
    // What trains must not be slow in secret; gather and scatterAdd only move rows.
    for (const name of ['matmul', 'topK', 'softmax', 'binary', 'reduce'])
      expect(device.fallbacks.has(name), name).toBe(false)
    device.dispose()
  })
})

test('GPTQ compresses each expert on its own tokens, one without tokens too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tersor-experts-'))
  const path = join(folder, 'small.safetensors')
  const weights = weightsOn(reference)
  // The rows of a router of zeros are all alike: every token takes the first two experts.
  ;(weights.get('layers.0.feedForward.router')!.data as Float32Array).fill(0)
  const file: ModelFile = {
    config,
    configText: configText(config),
    shapes: weightShapes(config),
    from: join(folder, 'nowhere'),
    format: 'safetensors',
    files: [],
    names: [...weights.keys()],
    missing: [],
    unclaimed: [],
    elsewhere: [],
    fileBytes: 0,
    info: name => weights.get(name)!,
    load: async name => weights.get(name)!,
    readsRows: () => false,
    storedName: name => name,
    companions: async () => new Map(),
    openTokenizer: async () => undefined,
    close: async () => {},
  }
  const rules = [
    { match: EMBEDDING, use: [{ method: 'rtn' }] },
    { match: '*', use: [{ method: 'gptq', bits: 4 }] },
  ]
  const { tensors } = await createJob({
    ...{ source: file, target: path, recipe: { name: 'gptq', rules }, methods: quantizeMethods },
    calibration: [tokens],
  }).run()
  const compressed = tensors.filter(({ outcome }) => outcome === 'compressed').map(({ name }) => name)
  const model = await loadModel(path)
  for (const layer of [0, 1])
    expect(compressed).toEqual(expect.arrayContaining([...model.blockWeights(layer)]))

  const rounded = (name: string) => decode(rtn(weights.get(name)!, { bits: 4 }))
  const [used, idle] = [1, 4].map(e => `layers.0.feedForward.experts.${e}.gate`)
  expect(decode(model.weights.get(idle!)!).data).toEqual(rounded(idle!).data)
  expect(decode(model.weights.get(used!)!).data).not.toEqual(rounded(used!).data)
  await rm(folder, { recursive: true })
})
