import { UnsupportedError } from '@tersor/core-tensor'
import type { GgufFile, GgufInfo } from '@tersor/formats'
import { describe, expect, it } from 'vitest'
import { configFromGguf, configFromHuggingFace } from './read-config.ts'

const json = {
  ...{ model_type: 'bert', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8 },
  ...{ intermediate_size: 12, vocab_size: 16, max_position_embeddings: 32 },
}

const gguf = (more: Record<string, unknown> = {}) => {
  const metadata = {
    ...{ 'general.architecture': 'bert', 'bert.block_count': 1, 'bert.context_length': 32 },
    ...{ 'bert.embedding_length': 8, 'bert.feed_forward_length': 12, 'bert.attention.head_count': 2 },
    ...{ 'bert.attention.layer_norm_epsilon': 1e-12, 'bert.attention.causal': false },
    ...more,
  }
  const dims = new Map([['token_embd.weight', { dims: [16, 8] } as unknown as GgufInfo]])
  return { metadata: new Map(Object.entries(metadata)), tensors: dims } as unknown as GgufFile
}

describe('bert', () => {
  it.each([
    ['is_decoder', true],
    ['add_cross_attention', true],
    ['position_embedding_type', 'relative_key'],
  ])('refuses %s %s', (key, value) => {
    expect(() => configFromHuggingFace({ ...json, [key]: value })).toThrow(UnsupportedError)
  })

  it('takes the positions behind the padding of RoBERTa', () => {
    const config = configFromHuggingFace({ ...json, model_type: 'xlm-roberta', pad_token_id: 1 })
    expect(config.embedding.positions).toBe(2)
    expect(config.contextLength).toBe(30)
  })

  it('reads how a GGUF pools', async () => {
    expect((await configFromGguf(gguf())).pooling).toBeUndefined()
    expect((await configFromGguf(gguf({ 'bert.pooling_type': 0 }))).pooling).toBeUndefined()
    expect((await configFromGguf(gguf({ 'bert.pooling_type': 1 }))).pooling).toEqual({
      kind: 'mean',
      normalize: true,
    })
    expect((await configFromGguf(gguf({ 'bert.pooling_type': 2 }))).pooling).toEqual({
      kind: 'cls',
      normalize: true,
    })
    await expect(configFromGguf(gguf({ 'bert.pooling_type': 4 }))).rejects.toThrow(
      /pooling_type to be 0 or 1 or 2/,
    )
    await expect(configFromGguf(gguf({ 'bert.attention.causal': true }))).rejects.toThrow(UnsupportedError)
  })
})
