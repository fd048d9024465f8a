import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { MethodRecipe } from '@tersor/compress'
import { compressModel, demoRecipes } from '@tersor/compress'
import { type Device, sizeOf } from '@tersor/core-tensor'
import { type EvaluationWindow, evaluate, type LogitSource, logitsOf, recordLogits } from '@tersor/eval'
import { type Llama, loadModel, type ModelFile, openModel } from '@tersor/models'
import { evaluateTasks, type TaskName, type TaskScores } from '@tersor/tasks'
import { CALIBRATION_SEED, sampledWindows, tokenizerOf } from '../calibration.ts'
import { onlyPositional, wholeNumber } from '../command/arguments.ts'
import { command, type Terminal } from '../command/command.ts'
import { deviceFlag, openDevice } from '../devices.ts'
import { BUNDLED, isBundled, modelPath } from '../model-path.ts'
import type { DemoResult, DemoRow } from '../report/demo-report.ts'
import { demoCells, demoHeader } from '../report/demo-table.ts'
import { reportPage } from '../report/report-page.ts'
import { storyWindows, trainingWindows } from '../story-text.ts'
import { tasksFrom } from '../tasks.ts'
import { type Progress, progressOf } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'

const EVALUATION_TOKENS = 8_192
/** Less than what `tersor quantize` takes, for the sake of those who wait. */
const CALIBRATION_TOKENS = 8_192
/** For bundled models, which are larger than most that are tried here. */
const BUNDLED_CALIBRATION_TOKENS = 2_048
const EVALUATION_SEED = 2

/** Above this the float model runs again for every recipe instead of being remembered. */
const MAX_RECORDED_BYTES = 2 ** 29

/** Tasks that the bundled model is scored on, of those that compression hurts first. */
const DEFAULT_TASKS = 'needle-256,copy,sort'
const DEFAULT_PROMPTS = 20

/** `tersor demo`: one model, many recipes, exact sizes and measured losses. */
export const demo = command({
  usage: '[MODEL]',
  summary: 'compresses a model with ten recipes, evaluates each file, and writes a table and a report page',
  about: `The main job: compresses a model with ten recipes, from float8 down to 2 bits, evaluates every file that it wrote, prints a table and writes a report page. Without MODEL, the bundled ${BUNDLED}.
Bundled models are evaluated on stories that they never saw, others on text that they draw themselves.`,
  flags: () => ({
    report: {
      type: 'string',
      value: 'DIR',
      help: 'where the page and the compressed files go; report by default',
    },
    tokens: {
      type: 'string',
      value: 'N',
      help: `tokens to evaluate on; ${EVALUATION_TOKENS} by default`,
    },
    tasks: {
      type: 'string',
      value: 'NAMES',
      help: `tasks to score every model on, all or none; for bundled ones by default ${DEFAULT_TASKS}`,
    },
    n: { type: 'string', value: 'N', help: `prompts of each task; ${DEFAULT_PROMPTS} by default` },
    device: deviceFlag,
  }),
  async run({ values, positionals }, terminal) {
    const given = positionals.length === 0 ? BUNDLED : onlyPositional(positionals, 'a model')
    const bundled = isBundled(given)
    const taskFlag = values.tasks ?? (bundled ? DEFAULT_TASKS : 'none')
    const request = {
      name: basename(given),
      bundled,
      tokens: wholeNumber(values.tokens ?? String(EVALUATION_TOKENS), 'tokens', 2, 2 ** 31),
      folder: values.report ?? 'report',
      tasks: taskFlag === 'none' ? [] : tasksFrom(taskFlag),
      n: wholeNumber(values.n ?? String(DEFAULT_PROMPTS), 'n', 1, 1_000_000),
      quiet: values.json === true,
      terminal,
    }
    const file = await openModel(modelPath(given), terminal)
    const device = await openDevice(values.device)
    try {
      await mkdir(join(request.folder, 'models'), { recursive: true })
      const result = await measure(file, { ...request, device })
      const page = join(request.folder, 'index.html')
      await writeFile(page, reportPage(result))
      terminal.out.write(
        request.quiet
          ? `${JSON.stringify(result)}\n`
          : `\n${table(demoHeader(result), demoCells(result))}\nreport: ${page}\n`,
      )
    } finally {
      device.dispose()
      await file.close()
    }
  },
})

interface Request {
  readonly name: string
  readonly bundled: boolean
  readonly device: Device
  readonly tokens: number
  readonly folder: string
  readonly tasks: readonly TaskName[]
  /** Prompts of each task. */
  readonly n: number
  readonly terminal: Terminal
  readonly quiet: boolean
}

async function measure(
  file: ModelFile,
  { name, bundled, device, tokens, folder, tasks, n, terminal, quiet }: Request,
): Promise<DemoResult> {
  const { signal } = terminal
  const say = (text: string) => quiet || terminal.out.write(text)
  const model = await loadModel(file, { device, signal })
  const parameters = [...model.weights.values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0)
  say(`${name}: ${parameters} parameters, ${bytesText(file.fileBytes)}\n`)

  const { text, windows, calibration } = bundled
    ? await generatedText(file, tokens)
    : await drawnText(file, tokens, {
        device,
        signal,
        progress: label => progressOf(terminal, label, { quiet }),
      })
  const logitBytes =
    4 * model.config.vocabSize * windows.reduce((sum, window) => sum + window.tokens.length, 0)
  const against =
    logitBytes <= MAX_RECORDED_BYTES ? await recordLogits(model, windows, { signal }) : logitsOf(model)
  const float = await evaluate(against, windows, { signal })
  say(`float perplexity ${float.perplexity.toFixed(4)} on ${float.tokens} tokens ${text}\n`)

  const score = await scorer(file, tasks, n, signal)
  const floatTasks = await score(model)
  const rows: DemoRow[] = []
  for (const recipe of demoRecipes(file.names)) {
    rows.push(
      await measureRecipe(recipe, {
        ...{ file, device, folder, windows, against, calibration, score, terminal, quiet },
      }),
    )
  }
  return {
    model: name,
    parameters,
    fileBytes: file.fileBytes,
    text,
    evaluatedTokens: float.tokens,
    calibrationTokens: calibration.reduce((sum, window) => sum + window.length, 0),
    device: model.device.name,
    perplexity: float.perplexity,
    ...(floatTasks === undefined ? {} : { tasks: floatTasks }),
    rows,
  }
}

/** What a model is evaluated on, in words and in windows, and what calibrated methods see. */
interface Text {
  readonly text: string
  readonly windows: EvaluationWindow[]
  readonly calibration: Int32Array[]
}

/** For bundled models: the kind of text that they were trained on is made, not drawn. */
async function generatedText(file: ModelFile, tokens: number): Promise<Text> {
  const tokenizer = await tokenizerOf(file, undefined)
  const contextLength = file.config!.contextLength
  const { windows } = storyWindows(tokenizer, { tokens, seed: EVALUATION_SEED, contextLength })
  const options = { tokens: BUNDLED_CALIBRATION_TOKENS, seed: CALIBRATION_SEED, contextLength }
  const calibration = trainingWindows(tokenizer, options)
  return { text: 'of stories that no model was trained on', windows, calibration }
}

/** For any model: it writes what it is evaluated on. */
async function drawnText(
  file: ModelFile,
  tokens: number,
  { progress, ...where }: { device: Device; signal: AbortSignal; progress: (label: string) => Progress },
): Promise<Text> {
  const bos = (await file.openTokenizer())?.bos ?? 1
  const draw = (label: string, count: number, seed: number) =>
    sampledWindows(file, { tokens: count, seed, bos, ...where, progress: progress(label) })
  const windows = (await draw('drawing evaluation text', tokens, EVALUATION_SEED)).map(window => ({
    tokens: window,
    from: 1,
  }))
  const calibration = await draw('drawing calibration text', CALIBRATION_TOKENS, CALIBRATION_SEED)
  return { text: 'that the float model drew itself', windows, calibration }
}

type Score = (model: Llama) => Promise<TaskScores | undefined>

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

interface Setting {
  readonly file: ModelFile
  readonly device: Device
  readonly folder: string
  readonly windows: readonly EvaluationWindow[]
  readonly against: LogitSource
  readonly calibration: readonly Int32Array[]
  readonly score: Score
  readonly terminal: Terminal
  readonly quiet: boolean
}

/** Compresses into a file, loads that file, and evaluates what was loaded. */
async function measureRecipe(recipe: MethodRecipe, setting: Setting): Promise<DemoRow> {
  const { file, device, folder, windows, against, calibration, score, terminal, quiet } = setting
  const { signal } = terminal
  const begin = performance.now()
  const progress = progressOf(terminal, recipe.name, { quiet })
  const path = join(folder, 'models', `${recipe.name.replace(/[^a-z0-9]+/gi, '-')}.safetensors`)
  const { fileBytes, bitsPerWeight } = await compressModel(file, recipe, path, { calibration, signal })
  const model = await loadModel(path, { device, signal })
  const { perplexity, divergence } = await evaluate(model, windows, {
    ...{ against, signal },
    onProgress: (done, total) => progress.update(done, total),
  })
  const tasks = await score(model)
  model.dispose()
  progress.end()
  const seconds = (performance.now() - begin) / 1000
  return {
    recipe: recipe.name,
    method: recipe.rules.at(-1)!.use.method,
    bitsPerWeight,
    fileBytes,
    ratio: file.fileBytes / fileBytes,
    perplexity,
    divergence: divergence!,
    ...(tasks === undefined ? {} : { tasks }),
    seconds,
  }
}
