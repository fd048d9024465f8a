import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Device } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { distillFrom, initialWeights, type TrainProgress, train } from '@tersor/distill'
import { encodeSafetensors } from '@tersor/formats'
import { Decoder, storedName } from '@tersor/models'
import { type BpeEncoder, Corpus } from 'tiny-lm-corpus'
import { answerLoss } from './answer-loss.ts'
import { loadFloats } from './load-floats.ts'
import { curriculum, type Recipe } from './recipe.ts'

/** Steps between two points of the loss curve, and between two checkpoints. */
const CURVE = 10
const CHECKPOINT = 200

export interface TrainModelOptions {
  /** Its name goes into the log. */
  name: string
  recipe: Recipe
  encoder: BpeEncoder
  device: Device
  seed: number
  steps: number
  /** A run that was stopped goes on from what is here. */
  folder: string
  /** The folder of a model to learn from, besides the text. */
  teacher?: string | undefined
  /** Windows of held-out text that the trained model is measured on; 64 by default. */
  heldOutWindows?: number | undefined
  say(line: string): void
}

/** What is written beside the weights. */
export interface TrainingLog {
  readonly recipe: string
  steps: number
  readonly seed: number
  readonly teacher?: string | undefined
  readonly device: string
  readonly versions: Readonly<Record<string, string | undefined>>
  /** Spent, over all runs. */
  seconds: number
  /** Means over the steps up to each point. */
  readonly curve: { step: number; tokens: number; loss: number; gigaflops: number }[]
  /** Of the trained model on held-out text: nats a token, and nats an answer token. */
  validation?: { loss: number; answers: number } | undefined
}

/**
 * Trains a model of a recipe from nothing, or goes on from the checkpoint in the folder. In the end the folder holds
 * `config.json`, `model.safetensors` in bfloat16, and `training.json`.
 */
export async function trainModel(options: TrainModelOptions): Promise<TrainingLog> {
  const { recipe, encoder, device, seed, steps, folder, teacher, heldOutWindows = 64, say } = options
  const checkpoint = join(folder, 'checkpoint.safetensors')
  const logFile = join(folder, 'training.json')
  mkdirSync(folder, { recursive: true })
  const begun = existsSync(checkpoint)
  const log = begun ? (JSON.parse(readFileSync(logFile, 'utf8')) as TrainingLog) : newLog(options)
  if (log.recipe !== options.name || log.seed !== seed || log.teacher !== teacher) {
    throw new Error(
      `[train] expected the run that ${checkpoint} is from: ${log.recipe}, seed ${log.seed}; choose another folder`,
    )
  }
  log.steps = steps
  const initial = new Decoder(recipe.config, initialWeights(recipe.config, { seed, device }), device)
  let since: TrainProgress[] = []
  let last = performance.now()
  const model = await train(initial, {
    ...curriculum({ encoder, seed }, recipe, steps),
    steps,
    objective:
      teacher === undefined
        ? undefined
        : distillFrom(await loadFloats(teacher, device), { temperature: 1, textShare: 0.3 }),
    checkpointEvery: CHECKPOINT,
    resume: begun ? readFileSync(checkpoint) : undefined,
    onProgress(progress) {
      since.push(progress)
      const { step, tokens } = progress
      if (step % CURVE !== 0 && step !== steps) return
      const { loss, gigaflops, speed } = meansOf(since)
      since = []
      // Points after the checkpoint that a run went on from come again.
      while (log.curve.length > 0 && log.curve.at(-1)!.step >= step) log.curve.pop()
      log.curve.push({ step, tokens, loss, gigaflops })
      say(`step ${step} of ${steps}: loss ${loss}, ${speed} tokens/s, ${gigaflops} GFLOP/s`)
    },
    saveCheckpoint(bytes) {
      const now = performance.now()
      log.seconds = Math.round(log.seconds + (now - last) / 1000)
      last = now
      replace(logFile, json(log))
      replace(checkpoint, bytes)
    },
  })
  log.validation = answerLoss(
    model,
    new Corpus({ encoder, seed: 1_000_003, split: 'held-out' }),
    heldOutWindows,
  )
  say(`held out: ${log.validation.loss} nats a token, ${log.validation.answers} an answer token`)
  replace(logFile, json(log))
  replace(join(folder, 'config.json'), json(recipe.json))
  const weights = Array.from(
    model.weights,
    ([name, weight]) => [storedName(model.config, name), cast(weight as never, 'bfloat16')] as const,
  )
  replace(join(folder, 'model.safetensors'), encodeSafetensors(weights))
  return log
}

function newLog({ name, steps, seed, teacher, device }: TrainModelOptions): TrainingLog {
  return {
    recipe: name,
    steps,
    seed,
    teacher,
    device: `${device.name} ${JSON.stringify(device.info)}`,
    versions: { node: process.versions.node, v8: process.versions.v8 },
    seconds: 0,
    curve: [],
  }
}

function meansOf(steps: readonly TrainProgress[]): { loss: number; gigaflops: number; speed: number } {
  const mean = (of: (p: TrainProgress) => number) => steps.reduce((sum, p) => sum + of(p), 0) / steps.length
  return {
    // Of the text alone: what balances experts says nothing about it.
    loss: Number(mean(({ loss, balance = 0 }) => loss - balance).toFixed(4)),
    // Rates are averaged over time.
    gigaflops: Number((1 / mean(({ flops }) => 1e9 / flops)).toFixed(1)),
    speed: Math.round(1 / mean(({ tokensPerSecond }) => 1 / tokensPerSecond)),
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 1)}\n`
}

/** There is always a whole file. */
function replace(path: string, contents: string | Uint8Array): void {
  writeFileSync(`${path}.partial`, contents)
  renameSync(`${path}.partial`, path)
}
