import { Rng, ShapeError, Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace } from '../architectures/read-config.ts'
import { Decoder } from '../decoder/decoder.ts'
import { inLayer, weightShapes } from '../decoder/roles.ts'
import { withOutliers } from './with-outliers.ts'

const shape = {
  model_type: 'llama',
  max_position_embeddings: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size: 16,
  intermediate_size: 24,
  vocab_size: 19,
  tie_word_embeddings: true,
}
const dense = configFromHuggingFace(shape)
const mixture = configFromHuggingFace({
  ...shape,
  model_type: 'mixtral',
  num_local_experts: 3,
  num_experts_per_tok: 2,
})

function randomModel(config = dense): Decoder {
  const rng = new Rng(1)
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of weightShapes(config)) {
    const size = dims.reduce((a, b) => a * b)
    weights.set(
      name,
      new Tensor(
        'float32',
        Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.3) * rng.normal()),
        dims,
      ),
    )
  }
  return new Decoder(config, weights)
}

async function logitsOf(model: Decoder): Promise<Float32Array> {
  const { logits } = await model.forward(Int32Array.of(1, 7, 3, 18, 5), {
    cache: model.createCache(),
    logits: 'all',
  })
  return logits!.data as Float32Array
}

describe('withOutliers', () => {
  it('leaves the logits, and makes some channels behind each norm large', async () => {
    const model = randomModel()
    const hard = withOutliers(model, { channels: 3, factor: 64, seed: 5 })
    expect(await logitsOf(hard)).toEqual(await logitsOf(model))
    const [norm, query] = [inLayer(1, 'attention.before'), inLayer(1, 'attention.query')]
    const ratios = (name: string) => {
      const [now, before] = [hard, model].map(({ weights }) => (weights.get(name) as Tensor).data) as [
        Float32Array,
        Float32Array,
      ]
      return now.map((value, i) => value / before[i]!)
    }
    expect(ratios(norm).filter(ratio => ratio === 64)).toHaveLength(3)
    expect(ratios(norm).filter(ratio => ratio === 1)).toHaveLength(13)
    expect(ratios(query).filter(ratio => ratio === 1 / 64)).toHaveLength(3 * 16)
    expect(await logitsOf(model)).toEqual(await logitsOf(randomModel()))
  })

  it('leaves the logits of a mixture of experts too', async () => {
    const model = randomModel(mixture)
    const hard = withOutliers(model, { channels: 3, factor: 64 })
    expect(await logitsOf(hard)).toEqual(await logitsOf(model))
    const router = inLayer(0, 'feedForward.router')
    expect(hard.weights.get(router)).not.toBe(model.weights.get(router))
  })

  it('draws channels by the seed', () => {
    const norm = 'layers.0.attention.before'
    const normOf = (seed: number) => (withOutliers(randomModel(), { seed }).weights.get(norm) as Tensor).data
    expect(normOf(1)).toEqual(normOf(1))
    expect(normOf(1)).not.toEqual(normOf(2))
  })

  it('refuses what cannot be', () => {
    expect(() => withOutliers(randomModel(), { channels: 17 })).toThrow(ShapeError)
    expect(() => withOutliers(randomModel(), { factor: 3 })).toThrow('power of two')
  })
})
