import { UnsupportedError } from '@tersor/core-tensor'
import type { DecoderConfig } from '@tersor/models'
import { describe, expect, it } from 'vitest'
import { llamaShape, requireTrainable } from './llama-shape.ts'
import { randomWeights, smallConfig, smallMixture } from './testing/small-llama.ts'

/** A configuration with something of its own in the operation of a branch, in every layer. */
function withOperation(branch: number, own: object): DecoderConfig {
  const layers = smallConfig.layers.map(({ branches }) => ({
    branches: branches.map((each, i) => (i === branch ? { ...each, op: { ...each.op, ...own } } : each)),
  }))
  return { ...smallConfig, layers }
}

describe('llamaShape', () => {
  it('gives the numbers of a Llama and of a mixture of experts', () => {
    expect(llamaShape(smallConfig)).toMatchObject({
      ...{ layers: 2, heads: 4, kvHeads: 2, headDim: 4, hiddenSize: 8, innerSize: 10, vocabSize: 11 },
      ...{ contextLength: 32, epsilon: 1e-5, tied: true, rope: { layout: 'half' } },
    })
    expect(llamaShape(smallConfig).rope.frequencies[1]).toBeCloseTo(1 / 10, 12)
    expect(llamaShape(smallConfig)).not.toHaveProperty('experts')
    expect(llamaShape(smallMixture)).toMatchObject({ innerSize: 6, experts: 4, expertsPerToken: 2 })
  })

  it.each<[string, DecoderConfig, string]>([
    ['another norm', { ...smallConfig, norm: { kind: 'layer', epsilon: 1e-5 } }, 'RMSNorm'],
    ['an offset of norms', { ...smallConfig, norm: { kind: 'rms', epsilon: 1e-5, offset: 1 } }, "'offset'"],
    ['learned positions', { ...smallConfig, embedding: { positions: 0 } }, "'positions'"],
    ['scaled logits', { ...smallConfig, head: { tied: true, scale: 2 } }, "'scale' in the head"],
    ['an encoder', { ...smallConfig, head: undefined }, 'a head'],
    ['streams', { ...smallConfig, streams: { count: 2 } }, "'streams'"],
    [
      'scaled layers',
      { ...smallConfig, layers: smallConfig.layers.map(layer => ({ ...layer, scaled: true })) },
      "'scaled'",
    ],
    [
      'layers that differ',
      { ...smallConfig, layers: [...smallConfig.layers, ...smallMixture.layers] },
      'all alike',
    ],
    ['norms of queries', withOperation(0, { queryKeyNorm: 'head' }), "'queryKeyNorm'"],
    ['windows', withOperation(0, { window: 8 }), 'without windows'],
    ['another scale', withOperation(0, { scale: 1 }), 'divided by √headDim'],
    ['no rope', withOperation(0, { rope: undefined }), 'rotary positions of whole heads'],
    ['parts of heads', withOperation(0, { rope: { layout: 'half', frequencies: [1] } }), 'whole heads'],
    [
      'an attention factor',
      withOperation(0, { rope: { layout: 'half', frequencies: [1, 0.1], scale: 2 } }),
      "'scale'",
    ],
    ['another activation', withOperation(1, { activation: 'gelu' }), 'SwiGLU'],
    ['no gate', withOperation(1, { gated: false }), 'SwiGLU'],
    [
      'a shared expert',
      withOperation(1, {
        experts: { count: 4, perToken: 2, normalise: true, shared: { size: 4, gated: true } },
      }),
      "'shared'",
    ],
    [
      'shares among all experts',
      withOperation(1, { experts: { count: 4, perToken: 2, normalise: false } }),
      'add up to 1',
    ],
  ])('refuses %s', (_, config, message) => {
    expect(() => llamaShape(config)).toThrow(UnsupportedError)
    expect(() => llamaShape(config)).toThrow(message)
  })

  it('takes a window that is never reached', () => {
    expect(llamaShape(withOperation(0, { window: 32 })).layers).toBe(2)
  })
})

describe('requireTrainable', () => {
  it('refuses biases, which the gradients would leave out', () => {
    const weights = randomWeights(smallConfig)
    expect(() => requireTrainable(smallConfig, weights)).not.toThrow()
    weights.set('layers.0.attention.query.bias', weights.get('norm')!)
    expect(() => requireTrainable(smallConfig, weights)).toThrow("got 'layers.0.attention.query.bias'")
  })
})
