import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, dense, type Encoded, reference, Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { createSafetensorsWriter } from '@tersor/formats'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace, configText } from '../architectures/read-config.ts'
import { BatchedCache } from '../caches/batched-cache.ts'
import { loadModel } from '../files/load-model.ts'
import { randomModel, smallConfig, smallJson, smallMixture } from '../testing/random-model.ts'
import type { FeedForward } from './config.ts'
import { Decoder } from './decoder.ts'
import { mixtureOfExperts } from './mixture-of-experts.ts'
import { ModelWeights } from './model-weights.ts'
import { inLayer, weightShapes } from './roles.ts'

const tokens = Int32Array.of(1, 5, 9, 2, 17, 23, 4)

const logitsOf = async (model: Decoder) =>
  (await model.forward(tokens, { cache: model.createCache(), logits: 'all' })).logits!.data as Float32Array

/** A router that sends every token to expert 0 and to one of 1 and 3, never to 2 or 4. */
function lopsided(layer: number): Map<string, Tensor> {
  const router = new Float32Array(5 * 16)
  // Opposites: one of the two logits is positive, the other negative, and those of 0, 2 and 4 are 0.
  for (let i = 0; i < 16; i++) [router[16 + i], router[48 + i]] = [i + 1, -i - 1]
  return new Map([[inLayer(layer, 'feedForward.router'), new Tensor('float32', router, [5, 16])]])
}

const expertRole = (layer: number, expert: number, part: string) =>
  inLayer(layer, `feedForward.experts.${expert}.${part}`)

describe('a model with experts', () => {
  it('is the dense one where all experts are alike, whatever the router says', async () => {
    const plain = randomModel()
    const weights = new Map(plain.weights)
    for (const [name, weight] of randomModel(smallMixture, 2).weights) {
      if (!weights.has(name)) weights.set(name, weight)
    }
    for (let layer = 0; layer < 2; layer++) {
      for (const part of ['gate', 'up', 'down']) {
        const weight = plain.weights.get(inLayer(layer, `feedForward.${part}`))!
        weights.delete(inLayer(layer, `feedForward.${part}`))
        for (let expert = 0; expert < 5; expert++) weights.set(expertRole(layer, expert, part), weight)
      }
    }
    const logits = await logitsOf(new Decoder(smallMixture, weights))
    const expected = await logitsOf(plain)
    for (const [i, value] of logits.entries()) expect(value).toBeCloseTo(expected[i]!, 5)
  })

  it('gives a token the same bits whatever tokens are beside it', () => {
    const model = randomModel(smallMixture)
    const op = smallMixture.layers[0]!.branches[1]!.op as FeedForward
    const run = (h: Tensor) =>
      mixtureOfExperts(h, op, op.experts!, inLayer(0, 'feedForward.'), {
        weights: new ModelWeights(smallMixture, model.weights, reference),
        config: smallMixture,
        layer: 0,
        cache: model.createCache(),
        positions: reference.empty('int32', [h.dims[0]!]),
      })
    const h = model.embed(Int32Array.from({ length: 24 }, (_, i) => i))
    const whole = run(h)
    for (let i = 0; i < 24; i++) {
      const alone = run(h.rows(i, i + 1))
      expect(alone.data).toEqual(whole.rows(i, i + 1).data)
    }
  })

  it('advances several texts at once', async () => {
    const model = randomModel(smallMixture)
    const batch = new BatchedCache([model.createCache(), model.createCache()])
    const positions = Int32Array.of(0, 0)
    const { logits } = await model.forward(Int32Array.of(3, 5), { cache: batch, positions, logits: 'all' })
    const { logits: alone } = await model.forward(Int32Array.of(5), { cache: model.createCache() })
    const second = logits!.rows(1, 2).data as Float32Array
    for (const [i, value] of (alone!.data as Float32Array).entries()) expect(second[i]).toBeCloseTo(value, 5)
  })

  it('runs on compressed experts and routers as on what they decode to', async () => {
    const model = randomModel(smallMixture)
    const names = [expertRole(1, 3, 'down'), expertRole(0, 1, 'up'), inLayer(0, 'feedForward.router')]
    const half = new Map<string, Encoded>(
      names.map(name => [name, dense(cast(model.weights.get(name) as Tensor, 'bfloat16'))]),
    )
    const decoded = new Map(Array.from(half, ([name, weight]) => [name, decode(weight)]))
    const logits = await logitsOf(model.with(half))
    const expected = await logitsOf(model.with(decoded))
    for (const [i, value] of logits.entries()) expect(value).toBeCloseTo(expected[i]!, 5)
    expect(logits).not.toEqual(await logitsOf(model))
  })

  it('comes back from a file that says what it is', async () => {
    const model = randomModel(smallMixture)
    const folder = await mkdtemp(join(tmpdir(), 'tersor-experts-'))
    const path = join(folder, 'mixture.safetensors')
    const writer = await createSafetensorsWriter(path)
    for (const [name, weight] of model.weights) await writer.write(name, weight)
    await writer.finish({ config: configText(model.config) })
    const loaded = await loadModel(path)
    expect(loaded.config).toEqual(smallMixture)
    expect(await logitsOf(loaded)).toEqual(await logitsOf(model))
    await rm(folder, { recursive: true })
  })

  it('shows each expert to taps with the rows that chose it', async () => {
    const model = randomModel(smallMixture).with(lopsided(0))
    const rows = new Map<string, Tensor>()
    await model.forward(tokens, {
      cache: model.createCache(),
      logits: 'none',
      taps: { linear: (names, x) => names.forEach(name => void rows.set(name, reference.upload(x))) },
    })
    const order = [0, 1].flatMap(layer => model.blockWeights(layer))
    expect([...rows.keys()]).toEqual(order)
    expect(order).toHaveLength(2 * (4 + 1 + 15))
    const seen = Array.from({ length: 5 }, (_, expert) => rows.get(expertRole(0, expert, 'down'))!.dims[0]!)
    expect(seen.reduce((a, b) => a + b)).toBe(2 * tokens.length)
    expect([seen[0], seen[2], seen[4]]).toEqual([tokens.length, 0, 0])
  })
})

describe('its configuration', () => {
  const json = { ...smallJson, model_type: 'mixtral', num_local_experts: 5, num_experts_per_tok: 2 }
  const networkOf = ({ layers }: typeof smallConfig) => layers[0]!.branches[1]!.op as FeedForward

  it('is read as Hugging Face writes it, and written back', () => {
    const config = configFromHuggingFace({ ...json, head_dim: null, sliding_window: null })
    expect(config).toEqual(smallMixture)
    expect(networkOf(config).experts).toEqual({ count: 5, perToken: 2, normalise: true })
    expect(configFromHuggingFace(JSON.parse(configText(config)))).toEqual(config)
    const { num_experts_per_tok: _, rope_theta: __, ...silent } = json
    expect(networkOf(configFromHuggingFace(silent)).experts?.perToken).toBe(2)
    const mixer = configFromHuggingFace(silent).mixers[0]!
    expect(mixer.kind === 'attention' && mixer.rope?.frequencies[1]).toBeCloseTo(1e6 ** (-2 / 4), 9)
    expect(networkOf(smallConfig)).not.toHaveProperty('experts')
    expect(JSON.parse(configText(config))).toMatchObject({ model_type: 'mixtral' })
    expect(JSON.parse(configText(smallConfig))).toMatchObject({ model_type: 'llama' })
  })

  it('names every weight with its shape', () => {
    const shapes = weightShapes(smallMixture)
    expect(shapes.size).toBe(2 + 2 * (6 + 1 + 15))
    expect(shapes.get('layers.1.feedForward.router')).toEqual([5, 16])
    expect(shapes.get('layers.1.feedForward.experts.4.gate')).toEqual([20, 16])
    expect(shapes.get('layers.1.feedForward.experts.4.down')).toEqual([16, 20])
    expect(shapes.get('layers.1.feedForward.experts.4.up')).toEqual([20, 16])
    expect(shapes.has('layers.1.feedForward.gate')).toBe(false)
  })

  it('is refused where it contradicts itself', () => {
    const { num_local_experts: _, ...uncounted } = json
    expect(() => configFromHuggingFace(uncounted)).toThrow("expected a number 'num_local_experts'")
    expect(() => configFromHuggingFace({ ...json, num_experts_per_tok: 6 })).toThrow('got 5 and 6')
    expect(() => configFromHuggingFace({ ...json, num_local_experts: 1e9 })).toThrow('from 1 to 4096')
    expect(() => configFromHuggingFace({ ...json, model_type: 'llama' })).toThrow("'num_local_experts'")
    expect(() => new Decoder(smallMixture, randomModel().weights)).toThrow(
      "expected a weight 'layers.0.feedForward.router'",
    )
  })
})
