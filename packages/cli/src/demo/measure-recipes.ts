import { join } from 'node:path'
import { createJob, type Recipe } from '@tersor/compress'
import { type Device, sizeOf } from '@tersor/core-tensor'
import { type EvaluationWindow, evaluate, type LogitSource, logitsOf, recordLogits } from '@tersor/eval'
import { type Decoder, loadModel, type ModelFile } from '@tersor/models'
import { evaluateTasks, type TaskName, type TaskScores } from '@tersor/tasks'
import { tokenizerOf } from '../calibration.ts'
import type { Terminal } from '../command/command.ts'
import { kinds, methods } from '../method-lists.ts'
import { progressOf } from '../terminal/progress.ts'
import { bytesText } from '../terminal/table.ts'
import { demoRecipes } from './demo-recipes.ts'
import type { DemoResult, DemoRow } from './demo-report.ts'
import { drawnText, generatedText } from './demo-text.ts'
import { type Budget, fitBudget, speedOf } from './time-budget.ts'

/** Above this the float model runs again for every recipe instead of being remembered. */
const MAX_RECORDED_BYTES = 2 ** 29

export interface DemoRequest {
  readonly name: string
  readonly bundled: boolean
  readonly device: Device
  readonly tokens: number
  /** What a model that is not bundled may take. */
  readonly minutes: number
  /** Where the compressed models go. */
  readonly folder: string
  readonly tasks: readonly TaskName[]
  /** Prompts of each task. */
  readonly n: number
  readonly terminal: Terminal
  readonly quiet: boolean
}

/** Compresses a model with every recipe and evaluates each file: the result so far after each of them. */
export async function* measureRecipes(file: ModelFile, request: DemoRequest): AsyncGenerator<DemoResult> {
  const { name, bundled, device, minutes, tasks, n, terminal, quiet } = request
  const begin = performance.now()
  const { signal } = terminal
  const say = (text: string) => quiet || terminal.out.write(text)
  const model = await loadModel(file, { device, signal })
  const parameters = [...model.weights.values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0)
  say(`${name}: ${parameters} parameters, ${bytesText(file.fileBytes)}\n`)
  const quantized = quantizedAs(file)
  if (quantized !== undefined) {
    say(
      `It is quantized already (${quantized}): recipes quantize it again, and losses are against it as it is; at its own bits they may find its very codes.\n`,
    )
  }
  const speed = bundled ? undefined : await speedOf(model, signal)
  const budget = speed && fitBudget(minutes, request.tokens, speed, parameters, file.names)
  if (budget !== undefined) say(budgetText(budget))
  const tokens = budget?.tokens ?? request.tokens
  const recipes = budget?.recipes ?? demoRecipes(file.names)

  const progress = (label: string) => progressOf(terminal, label, { quiet })
  const { text, windows, calibration } = bundled
    ? await generatedText(file, tokens)
    : await drawnText(file, tokens, { device, signal, progress, calibrated: budget?.leftOut.length === 0 })
  const logitBytes =
    4 * model.config.vocabSize * windows.reduce((sum, window) => sum + window.tokens.length, 0)
  const against =
    logitBytes <= MAX_RECORDED_BYTES ? await recordLogits(model, windows, { signal }) : logitsOf(model)
  const float = await evaluate(against, windows, { signal })
  say(`float perplexity ${float.perplexity.toFixed(4)} on ${float.tokens} tokens ${text}\n`)

  const score = await scorer(file, tasks, n, signal)
  const floatTasks = await score(model)
  const first = {
    model: name,
    parameters,
    fileBytes: file.fileBytes,
    text,
    evaluatedTokens: float.tokens,
    calibrationTokens: calibration.reduce((sum, window) => sum + window.length, 0),
    device: device.name,
    perplexity: float.perplexity,
    ...(floatTasks === undefined ? {} : { tasks: floatTasks }),
    ...(quantized === undefined ? {} : { quantized }),
    ...(speed === undefined ? {} : { tokensPerSecond: speed.decode }),
  }
  const leftOut = [...(budget?.leftOut ?? [])]
  const rows: DemoRow[] = []
  yield { ...first, rows, leftOut }
  for (const recipe of recipes) {
    const spent = (performance.now() - begin) / 60_000
    const longest = Math.max(0, ...rows.map(({ seconds }) => seconds)) / 60
    if (budget !== undefined && rows.length > 0 && spent + longest > minutes) leftOut.push(recipe.name)
    else {
      rows.push(
        await measureRecipe(recipe, {
          ...request,
          file,
          windows,
          against,
          calibration,
          score,
          timed: !bundled,
        }),
      )
    }
    yield { ...first, rows, leftOut }
  }
  if (leftOut.length > 0) say(`Left out, as they would not fit ${minutes} minutes: ${leftOut.join(', ')}.\n`)
}

/** How a model is stored that is compressed already, such as `q4_1`. */
function quantizedAs(file: ModelFile): string | undefined {
  const kinds = new Set(file.names.map(weight => file.info(weight).compressed))
  kinds.delete(undefined)
  return kinds.size === 0 ? undefined : [...kinds].join(', ')
}

function budgetText({ minutes, tokens, recipes }: Budget): string {
  return `Within ${minutes} minutes: ${recipes.length} recipes, evaluated on ${tokens} tokens each.\n`
}

type Score = (model: Decoder) => Promise<TaskScores | undefined>

/** Scores models on the tasks; on none, not at all. */
async function scorer(
  file: ModelFile,
  tasks: readonly TaskName[],
  n: number,
  signal: AbortSignal,
): Promise<Score> {
  if (tasks.length === 0) return async () => undefined
  const tokenizer = await tokenizerOf(file, undefined)
  return model => evaluateTasks(model, tokenizer, { tasks, n, signal })
}

interface Setting extends Pick<DemoRequest, 'device' | 'folder' | 'terminal' | 'quiet'> {
  readonly file: ModelFile
  readonly windows: readonly EvaluationWindow[]
  readonly against: LogitSource
  readonly calibration: readonly Int32Array[]
  readonly score: Score
  /** Whether tokens a second are measured. */
  readonly timed: boolean
}

/** Compresses into a file, loads that file, and evaluates what was loaded. */
async function measureRecipe(recipe: Recipe, setting: Setting): Promise<DemoRow> {
  const { file, device, folder, windows, against, calibration, score, timed, terminal, quiet } = setting
  const { signal } = terminal
  const begin = performance.now()
  const progress = progressOf(terminal, recipe.name, { quiet })
  const onProgress = (done: number, total: number) => progress.update(done, total)
  try {
    const target = join(folder, `${recipe.name.replace(/[^a-z0-9]+/gi, '-')}.safetensors`)
    // Whose folder it is was asked before anything began.
    const job = createJob({
      ...{ source: file, target, recipe, methods, kinds, calibration, device },
      ...{ force: true, requantize: true },
    })
    const { fileBytes, bitsPerWeight } = await job.run({ signal, onProgress })
    const model = await loadModel(target, { device, kinds, signal })
    const { perplexity, divergence } = await evaluate(model, windows, { against, signal, onProgress })
    const tasks = await score(model)
    const speed = timed ? await speedOf(model, signal) : undefined
    model.dispose()
    return {
      recipe: recipe.name,
      method: recipe.rules.at(-1)!.use[0]!.method,
      bitsPerWeight,
      fileBytes,
      ratio: file.fileBytes / fileBytes,
      perplexity,
      divergence: divergence!,
      ...(tasks === undefined ? {} : { tasks }),
      ...(speed === undefined ? {} : { tokensPerSecond: speed.decode }),
      seconds: (performance.now() - begin) / 1000,
    }
  } finally {
    progress.end()
  }
}
