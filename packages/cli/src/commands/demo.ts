import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { MethodRecipe } from '@tersor/compress'
import { compressModel, demoRecipes } from '@tersor/compress'
import { type Device, sizeOf } from '@tersor/core-tensor'
import { type EvaluationWindow, evaluate, type LogitSource, logitsOf, recordLogits } from '@tersor/eval'
import { type Llama, loadModel, type ModelFile, openModel } from '@tersor/models'
import { evaluateTasks, type TaskName, type TaskScores } from '@tersor/tasks'
import { onlyPositional, parseArguments, wholeNumber } from '../arguments.ts'
import { CALIBRATION_SEED, sampledWindows, tokenizerOf } from '../calibration.ts'
import { DEVICES, openDevice } from '../devices.ts'
import { BUNDLED, isBundled, modelPath } from '../model-path.ts'
import type { DemoResult, DemoRow } from '../report/demo-report.ts'
import { demoCells, demoHeader } from '../report/demo-table.ts'
import { reportPage } from '../report/report-page.ts'
import type { Streams } from '../run.ts'
import { storyWindows, trainingWindows } from '../story-text.ts'
import { tasksFrom } from '../tasks.ts'
import { type Progress, progressBar } from '../terminal/progress.ts'
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

const HELP = `tersor demo [MODEL]

The main job: compresses a model with ten recipes, from float8 down to 2 bits, evaluates every file
that it wrote, prints a table and writes a report page. Without MODEL, the bundled ${BUNDLED}.
Bundled models are evaluated on stories that they never saw, others on text that they draw themselves.

  --report DIR   where the page and the compressed files go; report by default
  --tokens N     tokens to evaluate on; ${EVALUATION_TOKENS} by default
  --tasks NAMES  tasks to score every model on, all or none; for bundled ones by default
                 ${DEFAULT_TASKS}
  --n N          prompts of each task; ${DEFAULT_PROMPTS} by default
  --device NAME  where the models are evaluated: ${DEVICES.join(', ')}; by default native
                 where it is installed, else wasm. Text is drawn and weights are compressed on the reference,
                 so that the files are the same whatever it is
  --json         one object instead of the table
`

/** `tersor demo`: one model, many recipes, exact sizes and measured losses. */
export async function demo(args: readonly string[], streams: Streams): Promise<void> {
  const { values, positionals } = parseArguments(args, {
    report: { type: 'string' },
    tokens: { type: 'string' },
    tasks: { type: 'string' },
    n: { type: 'string' },
    device: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (values.help) return void streams.out.write(HELP)
  const given = positionals.length === 0 ? BUNDLED : onlyPositional(positionals, 'a model')
  const path = modelPath(given)
  const quiet = values.json === true
  const tokens =
    values.tokens === undefined ? EVALUATION_TOKENS : wholeNumber(values.tokens, 'tokens', 2, 2 ** 31)
  const folder = values.report ?? 'report'
  const taskFlag = values.tasks ?? (isBundled(given) ? DEFAULT_TASKS : 'none')
  const tasks = taskFlag === 'none' ? [] : tasksFrom(taskFlag)
  const n = wholeNumber(values.n ?? String(DEFAULT_PROMPTS), 'n', 1, 1_000_000)
  await mkdir(join(folder, 'models'), { recursive: true })
  const device = await openDevice(values.device)
  const file = await openModel(path)
  try {
    const result = await measure(file, {
      ...{
        name: basename(given),
        bundled: isBundled(given),
        device,
        tokens,
        folder,
        tasks,
        n,
        streams,
        quiet,
      },
    })
    const page = join(folder, 'index.html')
    await writeFile(page, reportPage(result))
    streams.out.write(
      quiet
        ? `${JSON.stringify(result)}\n`
        : `\n${table(demoHeader(result), demoCells(result))}\nreport: ${page}\n`,
    )
  } finally {
    device.dispose()
    await file.close()
  }
}

interface Request {
  readonly name: string
  readonly bundled: boolean
  readonly device: Device
  readonly tokens: number
  readonly folder: string
  readonly tasks: readonly TaskName[]
  /** Prompts of each task. */
  readonly n: number
  readonly streams: Streams
  readonly quiet: boolean
}

async function measure(
  file: ModelFile,
  { name, bundled, device, tokens, folder, tasks, n, streams, quiet }: Request,
): Promise<DemoResult> {
  const say = (text: string) => quiet || streams.out.write(text)
  const model = await loadModel(file, { device })
  const parameters = [...model.weights.values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0)
  say(`${name}: ${parameters} parameters, ${bytesText(file.fileBytes)}\n`)

  const { text, windows, calibration } = bundled
    ? await generatedText(file, tokens)
    : await drawnText(file, tokens, label => progressBar(streams, label, quiet))
  const logitBytes =
    4 * model.config.vocabSize * windows.reduce((sum, window) => sum + window.tokens.length, 0)
  const against = logitBytes <= MAX_RECORDED_BYTES ? await recordLogits(model, windows) : logitsOf(model)
  const float = await evaluate(against, windows)
  say(`float perplexity ${float.perplexity.toFixed(4)} on ${float.tokens} tokens ${text}\n`)

  const score = await scorer(file, tasks, n)
  const floatTasks = await score(model)
  const rows: DemoRow[] = []
  for (const recipe of demoRecipes(file.names)) {
    rows.push(
      await measureRecipe(recipe, {
        ...{ file, device, folder, windows, against, calibration, score, streams, quiet },
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
  progress: (label: string) => Progress,
): Promise<Text> {
  const bos = (await file.openTokenizer())?.bos ?? 1
  const draw = (label: string, count: number, seed: number) =>
    sampledWindows(file, { tokens: count, seed, bos, progress: progress(label) })
  const windows = (await draw('drawing evaluation text', tokens, EVALUATION_SEED)).map(window => ({
    tokens: window,
    from: 1,
  }))
  const calibration = await draw('drawing calibration text', CALIBRATION_TOKENS, CALIBRATION_SEED)
  return { text: 'that the float model drew itself', windows, calibration }
}

type Score = (model: Llama) => Promise<TaskScores | undefined>

/** Scores models on the tasks; on none, not at all. */
async function scorer(file: ModelFile, tasks: readonly TaskName[], n: number): Promise<Score> {
  if (tasks.length === 0) return async () => undefined
  const tokenizer = await tokenizerOf(file, undefined)
  return model => evaluateTasks(model, tokenizer, { tasks, n })
}

interface Setting {
  readonly file: ModelFile
  readonly device: Device
  readonly folder: string
  readonly windows: readonly EvaluationWindow[]
  readonly against: LogitSource
  readonly calibration: readonly Int32Array[]
  readonly score: Score
  readonly streams: Streams
  readonly quiet: boolean
}

/** Compresses into a file, loads that file, and evaluates what was loaded. */
async function measureRecipe(recipe: MethodRecipe, setting: Setting): Promise<DemoRow> {
  const { file, device, folder, windows, against, calibration, score, streams, quiet } = setting
  const begin = performance.now()
  const progress = progressBar(streams, recipe.name, quiet)
  const path = join(folder, 'models', `${recipe.name.replace(/[^a-z0-9]+/gi, '-')}.safetensors`)
  const { fileBytes, bitsPerWeight } = await compressModel(file, recipe, path, { calibration })
  const model = await loadModel(path, { device })
  const { perplexity, divergence } = await evaluate(model, windows, {
    against,
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
