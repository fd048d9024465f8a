import { Rng, reference, ShapeError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace } from '../architectures/read-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { Decoder } from '../decoder/decoder.ts'
import { biasShapes, weightShapes } from '../decoder/roles.ts'
import { smallConfig } from '../testing/index.ts'
import { Encoder } from './encoder.ts'

const json = {
  ...{ model_type: 'bert', num_hidden_layers: 2, num_attention_heads: 4, hidden_size: 16 },
  ...{ intermediate_size: 24, vocab_size: 30, max_position_embeddings: 12 },
}

function randomEncoder(config: DecoderConfig = configFromHuggingFace(json)): Encoder {
  const rng = new Rng(3)
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of [...weightShapes(config), ...biasShapes(config)]) {
    const values = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.4 * rng.normal())
    weights.set(name, new Tensor('float32', values, dims))
  }
  return new Encoder(config, weights)
}

const texts = [Int32Array.of(1, 2, 3, 4, 5), Int32Array.of(7), Int32Array.of(9, 8, 3)]

describe('Encoder', () => {
  it('gives each text of a batch what the text gives alone', async () => {
    const encoder = randomEncoder()
    const together = (await encoder.forward(texts)).data as Float32Array
    const alone = await Promise.all(
      texts.map(async text => (await encoder.forward([text])).data as Float32Array),
    )
    expect(together).toEqual(Float32Array.from(alone.flatMap(rows => [...rows])))
  })

  it('lets a token see those behind it, and none of another text', async () => {
    const encoder = randomEncoder()
    const first = async (...batch: Int32Array[]) =>
      ((await encoder.forward(batch)).data as Float32Array).slice(0, 16)
    const plain = await first(Int32Array.of(1, 2, 3))
    expect(await first(Int32Array.of(1, 2, 4))).not.toEqual(plain)
    expect(await first(Int32Array.of(1, 2, 3), Int32Array.of(4))).toEqual(plain)
  })

  it('runs block by block to the same numbers, and tells what enters its layers', async () => {
    const encoder = randomEncoder()
    const [text] = texts as [Int32Array]
    let x = encoder.embed(text)
    const seen: string[] = []
    const taps = { linear: (names: readonly string[]) => void seen.push(...names) }
    for (let layer = 0; layer < 2; layer++) x = encoder.block(layer, x, { taps })
    expect(x.data).toEqual((await encoder.forward([text])).data)
    expect(seen).toEqual([...encoder.blockWeights(0), ...encoder.blockWeights(1)])
    expect(seen).toHaveLength(12)
  })

  it('takes replaced weights, and refuses those of another model', async () => {
    const encoder = randomEncoder()
    const zero = new Tensor('float32', new Float32Array(16 * 16), [16, 16])
    const other = encoder.with(new Map([['layers.1.attention.output', zero]]))
    expect((await other.forward(texts)).data).not.toEqual((await encoder.forward(texts)).data)
    expect(() => encoder.with(new Map([['head', zero]]))).toThrow(ShapeError)
  })

  it('refuses no text, an empty one, one that is too long and unknown tokens', async () => {
    const encoder = randomEncoder()
    await expect(encoder.forward([])).rejects.toThrow(/got no text/)
    await expect(encoder.forward([Int32Array.of(1), new Int32Array()])).rejects.toThrow(ShapeError)
    await expect(encoder.forward([new Int32Array(13)])).rejects.toThrow(/position from 0 to 11/)
    await expect(encoder.forward([Int32Array.of(30)])).rejects.toThrow(/tokens from 0 to 29/)
  })

  it('is no decoder, and a decoder is no encoder', () => {
    const encoder = randomEncoder()
    expect(() => new Decoder(encoder.config, encoder.weights)).toThrow(/use loadEncoder/)
    expect(() => new Encoder(smallConfig, new Map(), reference)).toThrow(/use loadModel/)
    const { head: _, ...causal } = smallConfig
    expect(() => new Encoder(causal, new Map())).toThrow(UnsupportedError)
  })

  it('stops when it is told to', async () => {
    await expect(
      randomEncoder().forward(texts, { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
  })
})
