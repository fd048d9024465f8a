import { type Attention, reference, Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { loadModel } from '../files/load-model.ts'
import { Golden, hasGoldens } from '../testing/golden.ts'
import { cacheBytes } from './cache-bytes.ts'
import { DenseCache } from './dense-cache.ts'

/** The room that a cache begins with. */
const TOKENS = 64

describe('cacheBytes', () => {
  // Grouped heads, a gated delta net, short convolutions, layers that read the keys of others.
  it.skipIf(!hasGoldens).each(['llama-3.2', 'qwen3.5', 'lfm2', 'gemma4'])(
    'is what a cache of %s holds',
    async folder => {
      const model = await loadModel(new Golden(folder).folder)
      const cache = model.createCache()
      const tokens = Int32Array.from({ length: TOKENS }, (_, i) => i + 10)
      await model.forward(tokens, { cache, logits: 'none' })
      const unbounded = model.config.mixers.map(mixer => ({ ...mixer, window: undefined }))
      expect(cacheBytes(unbounded, TOKENS)).toBe(cache.byteLength)
    },
  )

  it('is what a layer with a window holds of a long text', async () => {
    const layer: Attention = { kind: 'attention', heads: 1, kvHeads: 1, headDim: 2, scale: 1, window: 40 }
    const cache = new DenseCache([layer], reference)
    for (let position = 0; position < 300; position++) {
      const token = new Tensor('float32', [1, 0], [1, 1, 2])
      cache.append(0, token, token, new Tensor('int32', [position], [1]))
      await cache.maintain()
    }
    expect(cacheBytes([layer], 300)).toBe(cache.byteLength)
    expect(cacheBytes([layer], 10)).toBe(10 * 20)
  })
})
