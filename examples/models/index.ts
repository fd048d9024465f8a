// A small Llama of random weights: it continues a text, forks its cache, and runs compressed.

import { byteLength, type Encoded, Rng, sizeOf, Tensor } from '@tersor/core-tensor'
import { generate } from '@tersor/decode'
import { Llama, type LlamaConfig, weightShapes } from '@tersor/models'
import { rtn } from '@tersor/quantize'

const config: LlamaConfig = {
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  vocabSize: 256,
  contextLength: 128,
  ropeBase: 10000,
  hiddenSize: 64,
  intermediateSize: 128,
  epsilon: 1e-5,
  ropeLayout: 'half',
  tied: true,
}
const rng = new Rng(1)
const weights = new Map<string, Tensor>()
for (const [name, dims] of weightShapes(config)) {
  const values = Float32Array.from({ length: sizeOf(dims) }, () => rng.normal() / Math.sqrt(dims.at(-1)!))
  weights.set(name, new Tensor('float32', dims.length === 1 ? values.fill(1) : values, dims))
}
const model = new Llama(config, weights)

// Greedy: always the likeliest token.
const prompt = Int32Array.of(1, 2, 3, 4)
const tokens: number[] = []
for await (const token of generate(model, prompt, { maxTokens: 12 })) tokens.push(token)
console.log(`float32: ${tokens.join(' ')}`)

// A fork shares what the cache holds already, so a second continuation costs only its own tokens.
const trunk = model.createCache()
await model.forward(prompt, { cache: trunk, logits: 'none' })
const fork = trunk.fork()
await model.forward(Int32Array.of(5), { cache: trunk })
await model.forward(Int32Array.of(6, 7), { cache: fork })
console.log(`two continuations of one prompt hold ${trunk.length} and ${fork.length} tokens\n`)

// Every matrix in 4 bits. `with` leaves the first model as it is.
const small = new Map<string, Encoded>()
for (const [name, weight] of weights) {
  if (weight.dims.length === 2) small.set(name, rtn(weight, { bits: 4 }))
}
const compressed = model.with(small)
const bytes = (llama: Llama) =>
  [...llama.weights.values()].reduce((total, weight) => total + byteLength(weight), 0)
const others: number[] = []
for await (const token of generate(compressed, prompt, { maxTokens: 12 })) others.push(token)
console.log(`4 bits:  ${others.join(' ')}`)
console.log(`${bytes(model)} bytes of weights became ${bytes(compressed)}`)
