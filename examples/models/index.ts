// A model from a file, the bundled one by default: it goes on from a text, forks its cache, and runs compressed.
// pnpm example models -- PATH [TEXT]: a folder of safetensors, a .gguf, or a llama2.c .bin

import { fileURLToPath } from 'node:url'
import { byteLength, type Encoded, isEncoded, type Tensor } from '@tersor/core-tensor'
import { generate } from '@tersor/decode'
import { type Decoder, loadModel, openModel } from '@tersor/models'
import { rtn } from '@tersor/quantize'
import { tinyLm } from '@tersor/tiny-lm'

const [path = fileURLToPath(tinyLm), text = 'Once there was'] = process.argv.slice(2)
const TOKENS = 16

const file = await openModel(path)
const tokenizer = (await file.openTokenizer())!
const model = await loadModel(file)
await file.close()
const { architecture, layers, hiddenSize } = model.config
console.log(
  `${architecture}: ${layers.length} layers of width ${hiddenSize}, ${bytesOf(model)} bytes of weights`,
)

// Greedy: always the likeliest token.
const start = tokenizer.addsBos ? [tokenizer.bos!] : []
const prompt = Int32Array.from([...start, ...tokenizer.encode(text)])
console.log(`\nas it is: ${await continued(model)}`)

// A fork shares what the cache holds already, so a second continuation costs only its own tokens.
const trunk = model.createCache()
await model.forward(prompt, { cache: trunk, logits: 'none' })
const fork = trunk.fork()
await model.forward(prompt.subarray(0, 1), { cache: trunk })
await model.forward(prompt.subarray(0, 2), { cache: fork })
console.log(`\ntwo continuations of one prompt hold ${trunk.length} and ${fork.length} tokens`)

// Every matrix of its blocks in 4 bits. `with` leaves the first model as it is.
const small = new Map<string, Encoded>()
for (const layer of layers.keys()) {
  for (const name of model.blockWeights(layer)) small.set(name, rtn(model.weights.get(name)!, { bits: 4 }))
}
const compressed = model.with(small)
console.log(`\n4 bits:   ${await continued(compressed)}`)
console.log(`\n${bytesOf(model)} bytes of weights became ${bytesOf(compressed)}`)

async function continued(lm: Decoder): Promise<string> {
  const begin = performance.now()
  const tokens: number[] = []
  for await (const token of generate(lm, prompt, { maxTokens: TOKENS })) tokens.push(token)
  const perSecond = (1000 * tokens.length) / (performance.now() - begin)
  return `${tokenizer.decode([...prompt, ...tokens])} (${perSecond.toFixed(1)} tokens/s)`
}

function bytesOf(lm: Decoder): number {
  const bytes = (weight: Tensor | Encoded) => (isEncoded(weight) ? byteLength(weight) : weight.byteLength)
  return [...lm.weights.values()].reduce((total, weight) => total + bytes(weight), 0)
}
