// pnpm bench:methods [--tokens N] [--only NAME] [--write-docs] [--model PATH --text FILE --calibration FILE]: what weight methods
// lose on a model, the bundled one by default, by the bits that they take.
//
// Only the matrices of the blocks are compressed. Each is judged on held-out documents of the families that the bundled model was
// trained on, one a window, or on a text: the change of nats a token and the KL divergence from the model as it is, with their
// standard errors. A model that is compressed already is judged against what it is. --write-docs puts the table into the README of
// @tersor/quantize.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob, type Step } from '@tersor/compress'
import {
  documentWindows,
  type EvaluationWindow,
  evaluate,
  evaluationWindows,
  recordLogits,
} from '@tersor/eval'
import { loadModel, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import {
  arithmetic,
  brackets,
  copy,
  measureOf,
  needle,
  reverse,
  rngStream,
  type Split,
  sort,
  stories,
} from '@tersor/tasks'
import { tinyLm } from '@tersor/tiny-lm'
import { replaceBetween } from '../../../config/replace-between.ts'

const { values } = parseArgs({
  options: {
    tokens: { type: 'string' },
    only: { type: 'string', multiple: true },
    'write-docs': { type: 'boolean' },
    model: { type: 'string' },
    text: { type: 'string' },
    calibration: { type: 'string' },
  },
})
const EVALUATION_TOKENS = Number(values.tokens ?? 12_000)
const CALIBRATION_TOKENS = 8_192
/** Of a text: longer ones cost more attention than they tell. */
const MAX_WINDOW = 512
const [CALIBRATION_SEED, EVALUATION_SEED] = [1, 1_000]

const rotate = { method: 'rotate' }
const rtn = (bits: number, options: object = {}): Step => ({ method: 'rtn', bits, ...options })
const gptq = (bits: number, options: object = {}): Step => ({ method: 'gptq', bits, ...options })
const ease = { method: 'quant-ease' }
const mse = { range: 'mse' }
const actOrder = { actOrder: true }

const rows: readonly (readonly [name: string, ...steps: Step[]])[] = [
  ...[4, 3, 2].flatMap(bits => [
    [`rtn ${bits}`, rtn(bits)] as const,
    [`rtn ${bits}, mse`, rtn(bits, mse)] as const,
    [`rotate, rtn ${bits}`, rotate, rtn(bits)] as const,
    [`rotate, rtn ${bits}, mse`, rotate, rtn(bits, mse)] as const,
    [`gptq ${bits}`, gptq(bits)] as const,
    [`gptq ${bits}, act order`, gptq(bits, actOrder)] as const,
    [`gptq ${bits}, act order, quant-ease`, gptq(bits, actOrder), ease] as const,
    [`gptq ${bits}, mse, act order, quant-ease`, gptq(bits, { ...mse, ...actOrder }), ease] as const,
    [`rotate, gptq ${bits}, act order, quant-ease`, rotate, gptq(bits, actOrder), ease] as const,
  ]),
  ['nf4', { method: 'nf4' }],
  ['gptq on nf4', { method: 'gptq', grid: 'nf4', groupSize: 64 }],
  ['rtn on nf4', { method: 'rtn', grid: 'nf4', groupSize: 64 }],
  ['quant-ease on nf4', { method: 'nf4' }, ease],
  ['mxfp4', { method: 'mxfp4' }],
  ['gptq on mxfp4', { method: 'gptq', grid: 'mxfp4' }],
  ['quant-ease on mxfp4', { method: 'mxfp4' }, ease],
  ['float8', { method: 'float8' }],
]

const device = nativeAvailable() ? await createNativeDevice() : await createWasmDevice()
const source = await openModel(values.model ?? fileURLToPath(tinyLm))
const tokenizer = (await source.openTokenizer())!
const model = await loadModel(source, { device })
const windows =
  values.text === undefined
    ? documents('held-out', EVALUATION_SEED, EVALUATION_TOKENS)
    : await passages(values.text, EVALUATION_TOKENS)
const calibration = (
  values.calibration === undefined
    ? documents('train', CALIBRATION_SEED, CALIBRATION_TOKENS)
    : await passages(values.calibration, CALIBRATION_TOKENS)
).map(({ tokens }) => tokens)
const against = await recordLogits(model, windows)
const { nats, tokens, perplexity } = await evaluate(against, windows)
const heading = `On ${tokens} tokens, where the model as it is takes ${nats.mean.toFixed(4)} nats each (perplexity ${perplexity.toFixed(3)}):`
console.log(heading)

const folder = await mkdtemp(join(tmpdir(), 'tersor-methods-'))
const lines = [
  '| method | bits a weight | change of nats | KL | seconds |',
  '| --- | --- | --- | --- | --- |',
]
console.log(lines.join('\n'))
for (const [name, ...use] of rows) {
  if (values.only !== undefined && !values.only.includes(name)) continue
  const target = join(folder, 'small.safetensors')
  const start = performance.now()
  const recipe = { name, rules: [{ match: 'layers.*', use }], otherwise: 'keep' as const }
  const job = createJob({
    source,
    target,
    recipe,
    methods: quantizeMethods,
    calibration,
    device,
    force: true,
    requantize: values.model !== undefined,
  })
  const { tensors } = await job.run({ fresh: true })
  const seconds = (performance.now() - start) / 1000
  const small = await loadModel(target, { device })
  const { divergence } = await evaluate(small, windows, { against })
  const { deltaNats, kl } = divergence!
  const compressed = tensors.filter(({ outcome }) => outcome === 'compressed')
  const weights = compressed.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b), 0)
  const bits = (8 * compressed.reduce((sum, { bytes }) => sum + bytes, 0)) / weights
  lines.push(
    `| ${name} | ${bits.toFixed(2)} | ${deltaNats.mean.toFixed(4)} ± ${deltaNats.standardError.toFixed(4)} | ${kl.mean.toFixed(4)} ± ${kl.standardError.toFixed(4)} | ${seconds.toFixed(1)} |`,
  )
  console.log(lines.at(-1))
}
await rm(folder, { recursive: true })
await source.close()
device.dispose()

if (values['write-docs']) {
  const readme = fileURLToPath(new URL('../../../packages/quantize/README.md', import.meta.url))
  const [begin, end] = ['<!-- measured by pnpm bench:methods -->', '<!-- end of what is measured -->']
  const table = `${heading}\n\n${lines.join('\n')}`
  await writeFile(readme, replaceBetween(await readFile(readme, 'utf8'), begin, end, table))
}

/** The beginning of a text in windows. */
async function passages(path: string, tokens: number): Promise<EvaluationWindow[]> {
  const ids = tokenizer.encode((await readFile(path, 'utf8')).slice(0, 8 * tokens)).subarray(0, tokens)
  const contextLength = Math.min(model.config.contextLength, MAX_WINDOW)
  return evaluationWindows(ids, { contextLength, bos: tokenizer.addsBos ? tokenizer.bos : undefined })
}

/** Documents of seven families in turn, each in a window of its own. */
function documents(split: Split, seed: number, atLeast: number): EvaluationWindow[] {
  const { contextLength } = model.config
  const long = { split, tokens: 500, measure: measureOf(tokenizer) }
  const found: EvaluationWindow[] = []
  for (let index = 0, count = 0; count < atLeast; index++) {
    const rng = rngStream(seed, index)
    const samples = [copy, reverse, sort, arithmetic, brackets].map(family => family(rng, { split }))
    samples.push(index % 2 === 0 ? stories(rng, long) : needle(rng, long))
    const texts = samples.map(({ text }) => text)
    for (const window of documentWindows(tokenizer, texts, { contextLength })) {
      found.push(window)
      count += window.tokens.length - window.from
    }
  }
  return found
}
