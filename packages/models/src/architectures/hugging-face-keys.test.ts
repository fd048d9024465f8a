import { describe, expect, it } from 'vitest'
import { openModel } from '../files/open-model.ts'
import { Golden, hasGoldens } from '../testing/golden.ts'
import { smallConfig } from '../testing/random-model.ts'
import { huggingFaceKeys } from './hugging-face-keys.ts'
import { configFromHuggingFace, configText } from './read-config.ts'

describe('huggingFaceKeys', () => {
  it('says a configuration in the words of other programs', () => {
    const keys = huggingFaceKeys(smallConfig)
    expect(keys).toMatchObject({ rope_theta: 10_000, num_key_value_heads: 2, tie_word_embeddings: true })
    expect(configFromHuggingFace({ model_type: 'llama', ...keys })).toEqual(smallConfig)
  })

  it.skipIf(!hasGoldens).each(['smollm2', 'llama-2', 'qwen2', 'qwen3'])(
    'of %s from its GGUF are those of its config.json',
    async folder => {
      const golden = new Golden(folder)
      const file = await openModel(golden.path('model.gguf'))
      const { tersor: _, ...keys } = JSON.parse(file.configText!)
      const [read, expected] = [
        configFromHuggingFace(keys),
        configFromHuggingFace(golden.json('config.json')),
      ]
      // A GGUF has float32 numbers, and is read with the size of its own vocabulary.
      expect(read.norm.epsilon).toBeCloseTo(expected.norm.epsilon, 12)
      expect({ ...read, norm: expected.norm }).toEqual(expected)
      await file.close()
    },
  )

  it.skipIf(!hasGoldens)('leaves out what they do not say: scaled rotations and other layers', async () => {
    for (const folder of ['llama-3.2', 'llama-rope-linear', 'gemma3', 'qwen3-moe']) {
      const file = await openModel(new Golden(folder).path('model.gguf'))
      expect(huggingFaceKeys(file.config!), folder).toBeUndefined()
      expect(configFromHuggingFace(JSON.parse(configText(file.config!)))).toEqual(file.config)
      await file.close()
    }
  })
})
