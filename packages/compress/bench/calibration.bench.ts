/**
 * Speed of calibration on the bundled model, on each device:
 * `npx tsx --conditions=@tersor/source packages/compress/bench/calibration.bench.ts`, with `--tokens 4096`,
 * `--device native`, `--threads 1` or `--runs 1` for less.
 *
 * Tokens a second are those of the text over the whole walk: through all blocks once for original inputs, twice for quantized
 * ones, where every matrix is replaced by 4 bits that were made before. Medians, after one walk that does not count.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { type CalibrateOptions, calibrateBlocks } from '@tersor/compress'
import {
  type Device,
  decode,
  type Encoded,
  isEncoded,
  reference,
  type StatisticName,
} from '@tersor/core-tensor'
import { documentWindows } from '@tersor/eval'
import { loadModel, openModel } from '@tersor/models'
import { rtn } from '@tersor/quantize'
import { measureOf, rngStream, stories } from '@tersor/tasks'
import { tinyLm } from '@tersor/tiny-lm'

const { values } = parseArgs({
  options: {
    tokens: { type: 'string', default: '4096' },
    device: { type: 'string', default: nativeAvailable() ? 'native,wasm,reference' : 'wasm,reference' },
    threads: { type: 'string', default: '2' },
    runs: { type: 'string', default: '3' },
  },
})

const file = await openModel(fileURLToPath(tinyLm))
const tokenizer = (await file.openTokenizer())!
const { contextLength } = file.config!
const measure = measureOf(tokenizer)
const windows: Int32Array[] = []
let tokens = 0
for (let index = 0; tokens < Number(values.tokens); index++) {
  const { text } = stories(rngStream(1, index), { tokens: 500, measure })
  for (const window of documentWindows(tokenizer, [text], { contextLength })) {
    windows.push(window.tokens)
    tokens += window.tokens.length
  }
}

const small = new Map<string, Encoded>()
const floats = await loadModel(file)
for (let layer = 0; layer < floats.config.layers.length; layer++) {
  for (const name of floats.blockWeights(layer)) {
    const weight = floats.weights.get(name)!
    small.set(name, rtn(isEncoded(weight) ? decode(weight) : weight, { bits: 4 }))
  }
}
await file.close()

const cases: readonly [
  label: string,
  statistics: readonly StatisticName[],
  inputs: CalibrateOptions['inputs'],
][] = [
  ['meanSquare, original', ['meanSquare'], 'original'],
  ['gram, original', ['gram'], 'original'],
  ['gram, quantized', ['gram'], 'quantized'],
  ['all five, quantized', ['gram', 'absMax', 'meanAbs', 'meanSquare', 'inputs'], 'quantized'],
]

console.log(
  `${tokens} tokens in ${windows.length} windows; tokens a second, and kernels that ran as their reference`,
)
for (const name of values.device.split(',')) {
  const device = await open(name)
  const model = await floats.to(device, { keep: true })
  for (const [label, statistics, inputs] of cases) {
    const options = { statistics, inputs }
    const before = fallbacksOf(device)
    const seconds: number[] = []
    for (let run = 0; run <= Number(values.runs); run++) {
      const begin = performance.now()
      await calibrateBlocks(
        model,
        windows,
        options,
        ({ weights }) => new Map([...weights.keys()].map(weight => [weight, small.get(weight)!])),
      )
      seconds.push((performance.now() - begin) / 1000)
    }
    const median = seconds.slice(1).sort((a, b) => a - b)[Number(values.runs) >> 1]!
    console.log(
      name.padEnd(10),
      label.padEnd(22),
      String(Math.round(tokens / median)).padStart(8),
      String(fallbacksOf(device) - before).padStart(8),
    )
  }
  if (device !== reference) device.dispose()
}

function open(name: string): Promise<Device> | Device {
  const threads = Number(values.threads)
  if (name === 'native') return createNativeDevice({ threads })
  return name === 'wasm' ? createWasmDevice({ threads }) : reference
}

function fallbacksOf({ fallbacks }: Device): number {
  return [...fallbacks.values()].reduce((sum, count) => sum + count, 0)
}
