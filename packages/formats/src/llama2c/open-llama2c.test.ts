import { existsSync } from 'node:fs'
import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { openLlama2c } from './open-llama2c.ts'

const shared = new URL('../../../../../shared/data/lm-stories260k/', import.meta.url)

/** dim 4, hidden 6, 2 layers, 2 heads, 1 key-value head, 3 tokens, 5 positions; element i of the weights is i. */
function checkpoint(vocabSize: number): Uint8Array {
  const header = new Int32Array([4, 6, 2, 2, 1, vocabSize, 5])
  const size = 12 + 8 + 32 + 16 + 16 + 32 + 8 + 48 + 48 + 48 + 4 + 10 + (vocabSize < 0 ? 12 : 0)
  const weights = Float32Array.from({ length: size + (5 * 2) / 2 - 5 }, (_, i) => i)
  const bytes = new Uint8Array(header.byteLength + weights.byteLength)
  bytes.set(new Uint8Array(header.buffer))
  bytes.set(new Uint8Array(weights.buffer), header.byteLength)
  return bytes
}

describe('openLlama2c', () => {
  it('finds every tensor where it is', async () => {
    const file = await openLlama2c(checkpoint(-3))
    expect(file.config).toEqual({
      dim: 4,
      hiddenDim: 6,
      layers: 2,
      heads: 2,
      kvHeads: 1,
      vocabSize: 3,
      sequenceLength: 5,
      tied: false,
    })
    const first = async (name: string) => (await file.read(name)).data[0]
    expect(await first('model.embed_tokens.weight')).toBe(0)
    expect(await first('model.layers.1.input_layernorm.weight')).toBe(16)
    expect(await first('model.layers.1.self_attn.q_proj.weight')).toBe(36)
    expect(await first('model.layers.1.self_attn.k_proj.weight')).toBe(60)
    expect(await first('model.layers.1.self_attn.v_proj.weight')).toBe(76)
    expect(await first('model.layers.0.self_attn.o_proj.weight')).toBe(84)
    expect(await first('model.layers.0.post_attention_layernorm.weight')).toBe(116)
    expect(await first('model.layers.0.mlp.gate_proj.weight')).toBe(124)
    expect(await first('model.layers.0.mlp.down_proj.weight')).toBe(172)
    expect(await first('model.layers.0.mlp.up_proj.weight')).toBe(220)
    expect(await first('model.norm.weight')).toBe(268)
    expect(await first('lm_head.weight')).toBe(282)
    expect(file.tensors.get('model.layers.0.self_attn.k_proj.weight')).toMatchObject({
      dims: [2, 4],
      byteLength: 32,
    })
    expect(file.tensors.get('model.layers.0.mlp.down_proj.weight')?.dims).toEqual([4, 6])
    expect(file.tensors.size).toBe(2 * 9 + 3)
  })

  it('has no head where it is tied', async () => {
    const file = await openLlama2c(checkpoint(3))
    expect(file.config.tied).toBe(true)
    await expect(file.read('lm_head.weight')).rejects.toThrow(FormatError)
  })

  it('refuses lengths and headers that contradict each other', async () => {
    await expect(openLlama2c(checkpoint(3).subarray(0, -4))).rejects.toThrow(FormatError)
    await expect(openLlama2c(new Uint8Array([...checkpoint(3), 0]))).rejects.toThrow(FormatError)
    await expect(openLlama2c(new Uint8Array(10))).rejects.toThrow(FormatError)
    for (let field = 0; field < 7; field++) {
      for (const value of [0, -1, 2 ** 31 - 1, -(2 ** 31)]) {
        const bytes = checkpoint(3)
        new DataView(bytes.buffer).setInt32(4 * field, value, true)
        await expect(openLlama2c(bytes)).rejects.toThrow(FormatError)
      }
    }
  })

  it('refuses later versions', async () => {
    const bytes = checkpoint(3)
    new DataView(bytes.buffer).setUint32(0, 0x616b3432, true)
    await expect(openLlama2c(bytes)).rejects.toThrow(UnsupportedError)
  })

  it.skipIf(!existsSync(shared))(
    'reads the published model of 260K parameters (in ../shared/data)',
    async () => {
      const file = await openLlama2c(new URL('stories260K.bin', shared))
      expect(file.config).toEqual({
        dim: 64,
        hiddenDim: 172,
        layers: 5,
        heads: 8,
        kvHeads: 4,
        vocabSize: 512,
        sequenceLength: 512,
        tied: true,
      })
      expect(file.tensors.size).toBe(47)
      expect([...(await file.read('model.norm.weight')).data.slice(0, 2)]).toEqual([
        2.4583089351654053, 1.3673226833343506,
      ])
      await file.close()
      await expect(openLlama2c(new URL('stories260K-q8.bin', shared))).rejects.toThrow('got version 2')
      await expect(openLlama2c(new URL('checkpoint_v1.bin', shared))).rejects.toThrow('got version 1')
    },
  )
})
