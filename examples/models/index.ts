// A small Llama of random weights: it continues a text, forks its cache, and runs compressed.

import { byteLength, type Encoded, Rng, sizeOf, Tensor } from '@tersor/core-tensor'
import { generate } from '@tersor/decode'
import { configFromHuggingFace, Decoder, weightShapes } from '@tersor/models'
import { rtn } from '@tersor/quantize'

const config = configFromHuggingFace({
  model_type: 'llama',
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 256,
  max_position_embeddings: 128,
  hidden_size: 64,
  intermediate_size: 128,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})
const rng = new Rng(1)
const weights = new Map<string, Tensor>()
for (const [name, dims] of weightShapes(config)) {
  const values = Float32Array.from({ length: sizeOf(dims) }, () => rng.normal() / Math.sqrt(dims.at(-1)!))
  weights.set(name, new Tensor('float32', dims.length === 1 ? values.fill(1) : values, dims))
}
const model = new Decoder(config, weights)

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
const bytes = (lm: Decoder) =>
  [...lm.weights.values()].reduce((total, weight) => total + byteLength(weight), 0)
const others: number[] = []
for await (const token of generate(compressed, prompt, { maxTokens: 12 })) others.push(token)
console.log(`4 bits:  ${others.join(' ')}`)
console.log(`${bytes(model)} bytes of weights became ${bytes(compressed)}`)
