import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { pickWeights } from './pick-weights.ts'

const name = 'hf:owner/name'

it.each([
  [['a.gguf', 'model.safetensors', 'model.safetensors.index.json'], '', 'model.safetensors'],
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

it('says that there are none, or that they are pickled', () => {
  expect(() => pickWeights(['README.md'], '', name)).toThrow(FormatError)
  expect(() => pickWeights(['model.safetensors'], 'onnx/', name)).toThrow('got none among 0 files')
  expect(() => pickWeights(['pytorch_model.bin'], '', name)).toThrow(UnsupportedError)
})
