import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, dense, type Encoded, reference, Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { createSafetensorsWriter } from '@tersor/formats'
import { describe, expect, it } from 'vitest'
import { BatchedCache } from './batched-cache.ts'
import { Llama } from './llama.ts'
import { checkLlamaConfig, configFromHuggingFace, configToHuggingFace } from './llama-config.ts'
import { loadModel } from './load-model.ts'
import { mixtureOfExperts } from './mixture-of-experts.ts'
import { randomLlama, smallConfig, smallMixture } from './testing/random-llama.ts'
import { blockWeightNames, expertWeightNames, feedForwardNames, weightShapes } from './weight-names.ts'

const tokens = Int32Array.of(1, 5, 9, 2, 17, 23, 4)

const logitsOf = async (model: Llama) =>
  (await model.forward(tokens, { cache: model.createCache(), logits: 'all' })).logits!.data as Float32Array

/** A router that sends every token to expert 0 and to one of 1 and 3, never to 2 or 4. */
function lopsided(layer: number): Map<string, Tensor> {
  const router = new Float32Array(5 * 16)
  // Opposites: one of the two logits is positive, the other negative, and those of 0, 2 and 4 are 0.
  for (let i = 0; i < 16; i++) [router[16 + i], router[48 + i]] = [i + 1, -i - 1]
  return new Map([[blockWeightNames(layer).router, new Tensor('float32', router, [5, 16])]])
}

describe('a Llama with experts', () => {
  it('is the dense one where all experts are alike, whatever the router says', async () => {
    const plain = randomLlama()
    const weights = new Map(plain.weights)
    for (const [name, weight] of randomLlama(smallMixture, 2).weights) {
      if (!weights.has(name)) weights.set(name, weight)
    }
    for (let layer = 0; layer < 2; layer++) {
      const { gate, up, down } = blockWeightNames(layer)
      for (const names of feedForwardNames(layer, smallMixture)) {
        weights.set(names.gate, plain.weights.get(gate)!)
        weights.set(names.up, plain.weights.get(up)!)
        weights.set(names.down, plain.weights.get(down)!)
      }
    }
    const logits = await logitsOf(new Llama(smallMixture, weights))
    const expected = await logitsOf(plain)
    for (const [i, value] of logits.entries()) expect(value).toBeCloseTo(expected[i]!, 5)
  })

  it('gives a token the same bits whatever tokens are beside it', () => {
    const model = randomLlama(smallMixture)
    const names = blockWeightNames(0)
    const options = {
      router: names.router,
      experts: feedForwardNames(0, smallMixture),
      perToken: 2,
      weight: (name: string) => model.weights.get(name)!,
    }
    const h = model.embed(Int32Array.from({ length: 24 }, (_, i) => i))
    const whole = mixtureOfExperts(h, options)
    for (let i = 0; i < 24; i++) {
      const alone = mixtureOfExperts(h.rows(i, i + 1), options)
      expect(alone.data).toEqual(whole.rows(i, i + 1).data)
    }
  })

  it('advances several texts at once', async () => {
    const model = randomLlama(smallMixture)
    const batch = new BatchedCache([model.createCache(), model.createCache()])
    const positions = Int32Array.of(0, 0)
    const { logits } = await model.forward(Int32Array.of(3, 5), { cache: batch, positions, logits: 'all' })
    const { logits: alone } = await model.forward(Int32Array.of(5), { cache: model.createCache() })
    const second = logits!.rows(1, 2).data as Float32Array
    for (const [i, value] of (alone!.data as Float32Array).entries()) expect(second[i]).toBeCloseTo(value, 5)
  })

  it('runs on compressed experts and routers as on what they decode to', async () => {
    const model = randomLlama(smallMixture)
    const names = [expertWeightNames(1, 3).down, expertWeightNames(0, 1).up, blockWeightNames(0).router]
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
    const model = randomLlama(smallMixture)
    const folder = await mkdtemp(join(tmpdir(), 'tersor-experts-'))
    const path = join(folder, 'mixture.safetensors')
    const writer = await createSafetensorsWriter(path)
    for (const [name, weight] of model.weights) await writer.write(name, weight)
    await writer.finish({ config: JSON.stringify(configToHuggingFace(model.config)) })
    const loaded = await loadModel(path)
    expect(loaded.config).toEqual(smallMixture)
    expect(await logitsOf(loaded)).toEqual(await logitsOf(model))
    await rm(folder, { recursive: true })
  })

  it('shows each expert to taps with the rows that chose it', async () => {
    const model = randomLlama(smallMixture).with(lopsided(0))
    const rows = new Map<string, Tensor>()
    await model.forward(tokens, {
      cache: model.createCache(),
      logits: 'none',
      taps: { linear: (names, x) => names.forEach(name => void rows.set(name, reference.upload(x))) },
    })
    const order = [0, 1].flatMap(layer => model.blockWeights(layer))
    expect([...rows.keys()]).toEqual(order)
    expect(order).toHaveLength(2 * (4 + 1 + 15))
    const seen = Array.from(
      { length: 5 },
      (_, expert) => rows.get(expertWeightNames(0, expert).down)!.dims[0]!,
    )
    expect(seen.reduce((a, b) => a + b)).toBe(2 * tokens.length)
    expect([seen[0], seen[2], seen[4]]).toEqual([tokens.length, 0, 0])
  })
})

describe('its configuration', () => {
  const json = {
    model_type: 'mixtral',
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: null,
    hidden_size: 16,
    intermediate_size: 20,
    vocab_size: 24,
    num_local_experts: 5,
    num_experts_per_tok: 2,
    sliding_window: null,
  }

  it('is read as Hugging Face writes it, and written back', () => {
    const config = configFromHuggingFace(json)
    expect(config).toMatchObject({ experts: 5, expertsPerToken: 2, headDim: 4, ropeBase: 1e6 })
    expect(configFromHuggingFace(configToHuggingFace(config))).toEqual(config)
    const { num_local_experts: _, num_experts_per_tok: __, ...silent } = json
    expect(configFromHuggingFace(silent)).toMatchObject({ experts: 8, expertsPerToken: 2 })
    expect(configFromHuggingFace({ ...json, model_type: 'llama' })).not.toHaveProperty('experts')
    expect(configToHuggingFace(smallConfig)).toMatchObject({ model_type: 'llama' })
    expect(configToHuggingFace(smallConfig)).not.toHaveProperty('num_local_experts')
  })

  it('names every weight with its shape', () => {
    const shapes = weightShapes(smallMixture)
    expect(shapes.size).toBe(2 + 2 * (6 + 1 + 15))
    expect(shapes.get('model.layers.1.block_sparse_moe.gate.weight')).toEqual([5, 16])
    expect(shapes.get('model.layers.1.block_sparse_moe.experts.4.w1.weight')).toEqual([20, 16])
    expect(shapes.get('model.layers.1.block_sparse_moe.experts.4.w2.weight')).toEqual([16, 20])
    expect(shapes.get('model.layers.1.block_sparse_moe.experts.4.w3.weight')).toEqual([20, 16])
    expect(shapes.has('model.layers.1.mlp.gate_proj.weight')).toBe(false)
  })

  it('is refused where it contradicts itself', () => {
    const { expertsPerToken: _, ...half } = smallMixture
    expect(() => checkLlamaConfig(half)).toThrow('expected experts from 1 to 4096')
    expect(() => checkLlamaConfig({ ...smallConfig, expertsPerToken: 1 })).toThrow('got undefined and 1')
    expect(() => checkLlamaConfig({ ...smallMixture, expertsPerToken: 6 })).toThrow('got 5 and 6')
    expect(() => configFromHuggingFace({ ...json, num_local_experts: 1e9 })).toThrow('from 1 to 4096')
    expect(() => configFromHuggingFace({ ...json, sliding_window: 1024 })).toThrow('sliding_window')
    expect(() => new Llama(smallMixture, randomLlama().weights)).toThrow(
      "expected a weight 'model.layers.0.bl",
    )
  })
})
