// What compression costs a model: bytes won, and perplexity and divergence lost, with standard errors.

import { calibrateBlocks, sampleWindows } from '@tersor/compress'
import { type Encoded, type LayeredLM, Rng, sizeOf, Tensor } from '@tersor/core-tensor'
import { evaluate, recordLogits, sizeReport } from '@tersor/eval'
import { configFromHuggingFace, Decoder, weightShapes } from '@tersor/models'
import { gptq, rtn } from '@tersor/quantize'

const config = configFromHuggingFace({
  model_type: 'llama',
  max_position_embeddings: 2048,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  hidden_size: 64,
  intermediate_size: 128,
  vocab_size: 128,
})
const rng = new Rng(1)
const weights = new Map<string, Tensor>()
for (const [name, dims] of weightShapes(config)) {
  const spread = 1.5 / Math.sqrt(dims.at(-1)!)
  const values = Float32Array.from({ length: sizeOf(dims) }, () => spread * rng.normal())
  weights.set(name, new Tensor('float32', dims.length === 1 ? values.fill(1) : values, dims))
}
const model = new Decoder(config, weights)

// Text that the model draws itself: some to calibrate on, other text to judge by.
const sample = { tokens: 2048, bos: 1, windowLength: 64 }
const calibration = await sampleWindows(model, { ...sample, seed: 1 })
const drawn = await sampleWindows(model, { ...sample, seed: 2 })
const windows = drawn.map(tokens => ({ tokens, from: 1 }))
const against = await recordLogits(model, windows)

line('model', 'bits/weight', 'perplexity', 'KL (nats)', 'same top token')
await report('float32', model)
for (const bits of [4, 3]) {
  const rounded = new Map<string, Encoded>()
  for (const [name, weight] of weights) {
    if (weight.dims.length === 2) rounded.set(name, rtn(weight, { bits }))
  }
  await report(`rtn, ${bits} bits`, model.with(rounded))
  // The first weight, the embedding, is no linear layer: GPTQ has no statistics of it, so it stays rounded.
  const start = model.with(new Map([...rounded].slice(0, 1)))
  const options = { statistics: ['gram'], head: true } as const
  const calibrated = await calibrateBlocks(start, calibration, options, async ({ statistics }) => {
    const replaced = new Map<string, Encoded>()
    for (const [name, { gram }] of statistics)
      replaced.set(name, await gptq(weights.get(name)!, gram!, { bits }))
    return replaced
  })
  await report(`gptq, ${bits} bits`, calibrated)
}

async function report(name: string, lm: LayeredLM) {
  const { bitsPerWeight } = sizeReport(lm.weights)
  const { perplexity, divergence } = await evaluate(lm, windows, { against })
  const distance = `${divergence!.kl.mean.toFixed(4)} ± ${divergence!.kl.standardError.toFixed(4)}`
  const same = `${(100 * divergence!.top1Agreement.mean).toFixed(1)} %`
  line(name, bitsPerWeight.toFixed(2), perplexity.toFixed(3), distance, same)
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(14), ...cells.map(cell => cell.padStart(16)))
}
