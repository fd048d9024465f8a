/**
 * Speed of training steps of the bundled model's shape, on each device with one and two threads:
 * `npx tsx --conditions=@tersor/source packages/distill/bench/training.bench.ts`, with `--steps 5`,
 * `--device wasm`, `--threads 1` or `--length 256` for less.
 *
 * A step is 4,096 tokens, forward, backward and both optimisers; its operations are those of `trainingFlops`. After each step the
 * same device multiplies (4096, 128) by (288, 128) transposed, which is the most frequent of its products: what share of that rate
 * a step reaches says how much is lost around the products, whatever else the machine does. Medians.
 */
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice, training } from '@tersor/backend-wasm'
import { type Device, Rng, Tensor } from '@tersor/core-tensor'
import { matmul } from '@tersor/core-tensor/reference'
import { initialWeights, type TrainingWindow, train } from '@tersor/distill'
import { configFromHuggingFace, Decoder } from '@tersor/models'

const TOKENS = 4096
const PRODUCTS = 20
const WARM_UP = 3

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '9' },
    device: { type: 'string', default: nativeAvailable() ? 'native,wasm' : 'wasm' },
    threads: { type: 'string', default: '1,2' },
    length: { type: 'string', default: '256,1024' },
  },
})
const steps = WARM_UP + Number(values.steps)

const HIDDEN = 128
const INNER = 288
const config = configFromHuggingFace({
  model_type: 'llama',
  num_hidden_layers: 8,
  num_attention_heads: 4,
  vocab_size: 1024,
  max_position_embeddings: 1024,
  rope_theta: 10_000,
  hidden_size: HIDDEN,
  intermediate_size: INNER,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})

function windowsOf(length: number): TrainingWindow[] {
  const rng = new Rng(length)
  return Array.from({ length: TOKENS / length }, () => ({
    tokens: Int32Array.from({ length }, () => rng.integer(config.vocabSize)),
  }))
}

async function open(name: string, threads: number): Promise<Device> {
  if (name === 'native') return createNativeDevice({ threads })
  const device = await createWasmDevice({ threads, groups: [training] })
  await device.startThreads()
  return device
}

/** Operations a second of the product, over a few calls one after the other. */
function productRate(x: Tensor, weight: Tensor, out: Tensor): number {
  const start = performance.now()
  for (let i = 0; i < PRODUCTS; i++) matmul(x, weight, { transposeB: true, out })
  const seconds = (performance.now() - start) / 1000
  return (PRODUCTS * 2 * TOKENS * HIDDEN * INNER) / seconds
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

console.log('| device | threads | length | tokens/s | GFLOP/s | product, GFLOP/s | share |')
console.log('| --- | --- | --- | --- | --- | --- | --- |')
for (const name of values.device.split(',')) {
  for (const threads of values.threads.split(',').map(Number)) {
    for (const length of values.length.split(',').map(Number)) {
      const device = await open(name, threads)
      const normals = (rows: number, columns: number) => {
        const rng = new Rng(rows)
        const values = Float32Array.from({ length: rows * columns }, () => rng.normal())
        return device.upload(new Tensor('float32', values, [rows, columns]))
      }
      const x = normals(TOKENS, HIDDEN)
      const weight = normals(INNER, HIDDEN)
      const out = device.empty('float32', [TOKENS, INNER])
      const windows = windowsOf(length)
      const speeds: number[] = []
      const rates: number[] = []
      const products: number[] = []
      const shares: number[] = []
      const model = new Decoder(config, initialWeights(config, { seed: 1, device }), device)
      await train(model, {
        steps,
        data: () => windows,
        onProgress({ step, tokensPerSecond, flops }) {
          const product = productRate(x, weight, out)
          if (step <= WARM_UP) return
          speeds.push(tokensPerSecond)
          rates.push(flops)
          products.push(product)
          shares.push(flops / product)
        },
      })
      const cells = [
        ...[name, threads, length, median(speeds).toFixed(0)],
        ...[median(rates), median(products)].map(rate => (rate / 1e9).toFixed(1)),
        `${(100 * median(shares)).toFixed(0)} %`,
      ]
      console.log(`| ${cells.join(' | ')} |`)
      device.dispose()
    }
  }
}
