import { describe, expect, it } from 'vitest'
import { loadModel, openModel } from '../index.ts'
import { asFolder, smallGoldens } from '../testing/small-golden.ts'

const goldens = await smallGoldens('variants')
const named = (name: string) => goldens.find(golden => golden.name === name)!

describe('a bias that a configuration states', () => {
  it.each([
    ['attention_bias', 'layers.0.attention.query.bias'],
    ['mlp_bias', 'layers.0.feedForward.up.bias'],
    ['use_bias', 'layers.1.attention.query.bias'],
    ['lm_head_bias', 'head.bias'],
  ])('has to be in the file: %s asks for %s', async (key, missing) => {
    const plain = named('llama-yarn-mscale')
    await asFolder({ ...plain, config: { ...plain.config, [key]: true } }, async folder => {
      const file = await openModel(folder)
      expect(file.missing).toContain(missing)
      await file.close()
      await expect(loadModel(folder)).rejects.toThrow("got none called '")
    })
  })

  it('is there where the file has it, whether it is stated or not', async () => {
    const golden = named('stablelm-parallel')
    for (const use_qkv_bias of [true, false]) {
      await asFolder({ ...golden, config: { ...golden.config, use_qkv_bias } }, async folder => {
        const file = await openModel(folder)
        expect(file.missing).toEqual([])
        expect(file.names).toContain('layers.1.attention.value.bias')
        await file.close()
      })
    }
  })

  it('is missing where another layer has it, stated or not', async () => {
    const golden = named('qwen2-late-windows')
    const lost = 'model.layers.1.self_attn.k_proj.bias'
    const tensors = golden.tensors.filter(([name]) => name !== lost)
    expect(tensors).toHaveLength(golden.tensors.length - 1)
    await asFolder({ ...golden, tensors }, async folder => {
      await expect(loadModel(folder)).rejects.toThrow("got none called 'layers.1.attention.key.bias'")
    })
  })
})
