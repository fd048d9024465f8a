import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { chooseWeights, pickWeights } from './pick-weights.ts'

const name = 'hf:owner/name'

it.each([
  [['a.gguf', 'model.safetensors', 'model.safetensors.index.json'], '', 'model.safetensors.index.json'],
  [['a.gguf', 'model.safetensors', 'adapter_model.safetensors'], '', 'model.safetensors'],
  [['consolidated.safetensors', 'model.safetensors'], '', 'model.safetensors'],
  [['consolidated.safetensors', 'params.json'], '', 'consolidated.safetensors'],
  [
    ['diffusion_pytorch_model-00001-of-00002.safetensors', 'diffusion_pytorch_model.safetensors.index.json'],
    '',
    'diffusion_pytorch_model.safetensors.index.json',
  ],
  [['MODEL.SAFETENSORS'], '', 'MODEL.SAFETENSORS'],
  [['A.GGUF', 'README.md'], '', 'A.GGUF'],
  [['A-00001-OF-00002.GGUF', 'A-00002-OF-00002.GGUF'], '', 'A-00001-OF-00002.GGUF'],
  [['stories260K.bin', 'tok512.bin'], '', 'stories260K.bin'],
  [['weights.npz'], '', 'weights.npz'],
  [['pytorch_model.bin', 'training_args.bin'], '', 'pytorch_model.bin'],
  [['pytorch_model.bin', 'onnx/model.onnx'], '', 'onnx/model.onnx'],
  [['model.json', 'group1-shard1of1.bin'], '', 'model.json'],
  [['saved_model.pb', 'variables.index'], '', 'saved_model.pb'],
  [['model-00001-of-00002.safetensors', 'model.safetensors.index.json'], '', 'model.safetensors.index.json'],
  [['README.md', 'other.safetensors', 'b.onnx'], '', 'other.safetensors'],
  [['a-00001-of-00002.gguf', 'a-00002-of-00002.gguf'], '', 'a-00001-of-00002.gguf'],
  [['mmproj-model-f16.gguf', 'a.gguf'], '', 'a.gguf'],
  [['config.json', 'onnx/model.onnx'], '', 'onnx/model.onnx'],
  [['model.safetensors', 'onnx/model.onnx'], 'onnx/', 'onnx/model.onnx'],
  [['adapter_model.safetensors', 'deep/model.safetensors'], '', 'deep/model.safetensors'],
])('picks from %j in %j', (paths, folder, picked) => {
  expect(pickWeights(paths, folder, name)).toBe(picked)
})

it('names all where there are several, and how to name one', () => {
  const pick = () => pickWeights(['q/a-q4.gguf', 'q/a-q8.gguf'], '', name)
  expect(pick).toThrow(FormatError)
  expect(pick).toThrow('got q/a-q4.gguf, q/a-q8.gguf; name the one that you mean: hf:owner/name/q/a-q4.gguf')
})

it('says that there are none, that there is only an adapter, or only shards', () => {
  expect(() => pickWeights(['README.md'], '', name)).toThrow(FormatError)
  expect(() => pickWeights(['model.safetensors'], 'onnx/', name)).toThrow('got none among 0 files')
  const adapter = () => pickWeights(['adapter_model.safetensors', 'adapter_config.json'], '', name)
  expect(adapter).toThrow(UnsupportedError)
  expect(adapter).toThrow('merge it into its base model first')
  const shards = () =>
    pickWeights(['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'], '', name)
  expect(shards).toThrow(
    'expected model.safetensors.index.json beside the shards in hf:owner/name, got 2 shards',
  )
})

it('says that the first part of a model in several is missing', () => {
  const pick = () => pickWeights(['a-00002-of-00002.gguf', 'README.md'], '', name)
  expect(pick).toThrow('got a-00002-of-00002.gguf without the first')
})

it('takes an index whose shards are all there, and else what lies beside it', async () => {
  const paths = ['model.safetensors', 'model.safetensors.index.json', '1.safetensors', 'deep/2.safetensors']
  const choose = (index: string | undefined) => chooseWeights(paths, { folder: '', name }, async () => index)
  const of = (...shards: string[]) => JSON.stringify({ weight_map: { ...shards } })
  expect(await choose(of('1.safetensors', './deep/2.safetensors'))).toBe('model.safetensors.index.json')
  for (const index of [of('3.safetensors'), of('1.safetensors', '3.safetensors'), of(), '{', '[]', undefined])
    expect(await choose(index), index).toBe('model.safetensors')
  expect(await chooseWeights(paths.slice(1), { folder: '', name }, async () => undefined)).toBe(paths[1])
})
