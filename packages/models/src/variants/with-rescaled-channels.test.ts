import { ShapeError, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace } from '../architectures/read-config.ts'
import { randomModel, smallConfig, smallJson } from '../testing/random-model.ts'
import { withRescaledChannels } from './with-rescaled-channels.ts'

const tokens = Int32Array.of(1, 5, 9, 2, 20, 7)

async function logitsOf(model: ReturnType<typeof randomModel>): Promise<Float32Array> {
  const { logits } = await model.forward(tokens, { cache: model.createCache(), logits: 'all' })
  return logits!.data as Float32Array
}

describe('withRescaledChannels', () => {
  it('changes every matrix of the blocks, and no logit but for rounding', async () => {
    const model = randomModel()
    const changed = withRescaledChannels(model, { seed: 3, range: 1 })
    const [before, after] = [await logitsOf(model), await logitsOf(changed)]
    for (const [i, value] of after.entries()) expect(Math.abs(value - before[i]!)).toBeLessThan(2e-4)
    for (const layer of smallConfig.layers.keys()) {
      for (const name of changed.blockWeights(layer)) {
        const [old, now] = [model.weights.get(name) as Tensor, changed.weights.get(name) as Tensor]
        const ratios = (now.data as Float32Array).map((value, i) => value / (old.data as Float32Array)[i]!)
        expect(Math.max(...ratios) / Math.min(...ratios), name).toBeGreaterThan(2)
      }
    }
  })

  it.each([
    ['norms stored as distances from 1', { model_type: 'gemma', head_dim: 4 }],
    ['one key head for all', { model_type: 'llama', num_key_value_heads: 1 }],
  ])('keeps the function with %s', async (_, own) => {
    const model = randomModel(configFromHuggingFace({ ...smallJson, ...own }))
    const [before, after] = [
      await logitsOf(model),
      await logitsOf(withRescaledChannels(model, { range: 0.5 })),
    ]
    for (const [i, value] of after.entries())
      expect(Math.abs(value - before[i]!)).toBeLessThan(2e-4 * Math.max(1, Math.abs(before[i]!)))
  })

  it('gives the same weights for the same seed, and others for another', () => {
    const model = randomModel()
    const values = (seed: number) =>
      (withRescaledChannels(model, { seed }).weights.get('layers.0.attention.query') as Tensor).data
    expect(values(1)).toEqual(values(1))
    expect(values(1)).not.toEqual(values(2))
  })

  it('refuses branches that share a norm', () => {
    const { rms_norm_eps: _, ...json } = smallJson
    const model = randomModel(configFromHuggingFace({ ...json, model_type: 'cohere' }))
    expect(() => withRescaledChannels(model)).toThrow(UnsupportedError)
  })

  it('refuses a range that is none', () => {
    expect(() => withRescaledChannels(randomModel(), { range: -1 })).toThrow(ShapeError)
  })
})
