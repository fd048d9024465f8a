// A page as users write them. It writes one line into its body: numbers that a test knows, or the problem.

import { createWasmDevice } from '@tersor/backend-wasm'
import { createWebGpuDevice } from '@tersor/backend-webgpu'
import { linear, Rng, Tensor, transfer } from '@tersor/core-tensor'
import { binary } from '@tersor/core-tensor/reference'
import { generate } from '@tersor/decode'
import { encodeSafetensors, openSafetensors } from '@tersor/formats'
import { configFromHuggingFace, Decoder, openModel, weightShapes } from '@tersor/models'
import { rtn } from '@tersor/quantize'

try {
  document.body.textContent = JSON.stringify(await compute())
} catch (error) {
  document.body.textContent = String(error)
}

async function compute() {
  const rng = new Rng(1)
  const weight = new Tensor(
    'float32',
    Float32Array.from({ length: 512 * 512 }, () => rng.normal()),
    [512, 512],
  )
  const file = await openSafetensors(encodeSafetensors([['w', weight]]))
  const small = rtn(await file.read('w'), { bits: 4 })
  const device = await createWasmDevice({ threads: 2, simd: 'simd' })
  const threads = await device.startThreads()
  const x = device.upload(new Tensor('float32', new Float32Array(64 * 512).fill(1), [64, 512]))
  const [first] = linear(x, device.pack(await transfer(small, device))).data as Float32Array

  const config = configFromHuggingFace({
    ...{ model_type: 'llama', max_position_embeddings: 32 },
    ...{ num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16 },
  })
  const weights = new Map(
    Array.from(weightShapes(config), ([name, dims]) => [name, device.empty('float32', dims)]),
  )
  const tokens: number[] = []
  for await (const token of generate(new Decoder(config, weights, device), Int32Array.of(1), {
    maxTokens: 3,
  }))
    tokens.push(token)
  const refusal = await openModel('model.safetensors').catch((error: Error) => error.name)
  device.dispose()
  return { threads, first, onGpu: await sumOnGpu(), tokens, refusal }
}

/** 1 + 2, or the name of the error where there is no adapter. */
async function sumOnGpu() {
  try {
    const gpu = await createWebGpuDevice()
    const [a, b] = [1, 2].map(x => gpu.upload(new Tensor('float32', [x], [1])))
    return (await binary('add', a!, b!).read())[0]
  } catch (error) {
    return (error as Error).name
  }
}
