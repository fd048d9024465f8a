// pnpm train:tiny-lm [--recipe model] [--steps N] [--seed N] [--out FOLDER] [--device native|wasm] [--threads N]
//
// Trains a model from nothing, or goes on from the checkpoint in the folder. See README.md.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice, training } from '@tersor/backend-wasm'
import { cast } from '@tersor/core-tensor/reference'
import { initialWeights, type TrainProgress, train } from '@tersor/distill'
import { encodeSafetensors } from '@tersor/formats'
import { configToHuggingFace, Llama } from '@tersor/models'
import { BpeEncoder, Corpus } from 'corpus'
import { answerLoss } from './answer-loss.ts'
import { curriculum, recipes } from './recipe.ts'

const { values } = parseArgs({
  options: {
    recipe: { type: 'string', default: 'model' },
    steps: { type: 'string' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'report/tiny-lm' },
    device: { type: 'string', default: nativeAvailable() ? 'native' : 'wasm' },
    threads: { type: 'string' },
  },
})
const recipe = recipes[values.recipe as keyof typeof recipes]
if (recipe === undefined)
  throw new Error(`[train] expected --recipe ${Object.keys(recipes).join(' or ')}, got ${values.recipe}`)
const steps = Number(values.steps ?? recipe.steps)
const seed = Number(values.seed)
const threads = Number(values.threads ?? Math.min(cpus().length, 8))
const folder = values.out
const checkpoint = join(folder, 'checkpoint.safetensors')
const logFile = join(folder, 'training.json')

const tokenizer = new URL('../../../packages/tiny-lm/model/tokenizer.json', import.meta.url)
const encoder = new BpeEncoder(JSON.parse(readFileSync(tokenizer, 'utf8')))
const device = await (values.device === 'native'
  ? createNativeDevice({ threads })
  : createWasmDevice({ threads, groups: [training] }))
const corpus = new Corpus({ encoder, seed })
const heldOut = new Corpus({ encoder, seed: 1_000_003, split: 'held-out' })

mkdirSync(folder, { recursive: true })
const log: Log = existsSync(checkpoint)
  ? JSON.parse(readFileSync(logFile, 'utf8'))
  : {
      recipe: values.recipe,
      steps,
      seed,
      device: `${device.name}, ${threads} threads`,
      seconds: 0,
      curve: [],
    }
if (log.steps !== steps || log.seed !== seed || log.recipe !== values.recipe)
  throw new Error(
    `[train] expected the run of ${checkpoint} (${log.recipe}, ${log.steps} steps, seed ${log.seed})`,
  )

/** What is written beside the weights. */
interface Log {
  recipe: string
  steps: number
  seed: number
  device: string
  /** Spent so far. */
  seconds: number
  /** One entry every so many steps: means over them, and what held-out text says at the end of them. */
  curve: {
    step: number
    tokens: number
    loss: number
    gigaflops: number
    heldOut?: number
    answers?: number
  }[]
}

const EVERY = 50
let since: TrainProgress[] = []
let last = performance.now()
const initial = new Llama(recipe.config, initialWeights(recipe.config, { seed, device }), device)
const model = await train(initial, {
  ...curriculum(corpus, steps),
  steps,
  checkpointEvery: 4 * EVERY,
  ...(existsSync(checkpoint) ? { resume: readFileSync(checkpoint) } : {}),
  onProgress(progress) {
    since.push(progress)
    if (progress.step % EVERY !== 0 && progress.step !== steps) return
    const mean = (of: (p: TrainProgress) => number) => since.reduce((sum, p) => sum + of(p), 0) / since.length
    const loss = Number(mean(({ loss }) => loss).toFixed(4))
    const gigaflops = Number((1 / mean(({ flops }) => 1e9 / flops)).toFixed(1))
    const speed = Math.round(1 / mean(({ tokensPerSecond }) => 1 / tokensPerSecond))
    log.curve.push({ step: progress.step, tokens: progress.tokens, loss, gigaflops })
    console.log(`step ${progress.step} of ${steps}: loss ${loss}, ${speed} tokens/s, ${gigaflops} GFLOP/s`)
    since = []
  },
  saveCheckpoint(bytes, step) {
    log.seconds = Math.round(log.seconds + (performance.now() - last) / 1000)
    last = performance.now()
    replace(logFile, `${JSON.stringify(log, null, 1)}\n`)
    replace(checkpoint, bytes)
    console.log(`step ${step}: checkpoint after ${log.seconds} s`)
  },
})

const { loss, answers } = answerLoss(model, heldOut, 64)
Object.assign(log.curve.at(-1)!, { heldOut: loss, answers })
console.log(`held out: ${loss} nats a token, ${answers} an answer token`)
replace(logFile, `${JSON.stringify(log, null, 1)}\n`)
replace(join(folder, 'config.json'), `${JSON.stringify(configToHuggingFace(model.config), null, 2)}\n`)
const weights = Array.from(
  model.weights,
  ([name, weight]) => [name, cast(weight as never, 'bfloat16')] as const,
)
replace(join(folder, 'model.safetensors'), encodeSafetensors(weights))
device.dispose()

/** There is always a whole file. */
function replace(path: string, contents: string | Uint8Array): void {
  writeFileSync(`${path}.partial`, contents)
  renameSync(`${path}.partial`, path)
}
