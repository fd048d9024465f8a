import {
  type Device,
  type JobOptions,
  type LMConfig,
  NumericalError,
  ShapeError,
  type Tokenizer,
} from '@tersor/core-tensor'
import { bitsPerByte, type EvaluationWindow, evaluate, evaluationWindows, type Mean } from '@tersor/eval'
import { loadModel, type ModelFile } from '@tersor/models'
import { evaluateTasks, type TaskName, type TaskScores, taskNames } from '@tersor/tasks'
import { tokenizerFlag, tokenizerOf } from '../calibration.ts'
import { onlyPositional, wholeNumber } from '../command/arguments.ts'
import { command, type Terminal } from '../command/command.ts'
import { UsageError } from '../command/usage-error.ts'
import { deviceFlag, openDevice } from '../devices.ts'
import { firstNotFinite } from '../first-not-finite.ts'
import { checkLanguageModel } from '../language-model.ts'
import { BUNDLED } from '../model-path.ts'
import { cacheFlag, environmentHelp, openGiven } from '../model-source.ts'
import { storedSizes } from '../stored-sizes.ts'
import { storyWindows } from '../story-text.ts'
import { tasksFrom, taskTable } from '../tasks.ts'
import { progressOf } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'
import { readTextFile } from '../text-file.ts'

/** Tokens of stories that are scored where no text is given. */
const STORY_TOKENS = 20_000
/** Tokens of a window. */
const WINDOW = 1_024
/** Of those stories; tasks draw with seeds of their own. */
const STORY_SEED = 1_000

/** `tersor eval`: what a model makes of a text. */
export const evalCommand = command({
  usage: 'MODEL [--text FILE] [--tasks all|NAME,…]',
  summary: 'scores a text: perplexity, bits per byte, the distance from another model; and tasks',
  about: `Scores a model: on a text, by perplexity, bits per byte and the distance from another model; and on tasks that have one right answer each. MODEL is a path, a URL, hf:owner/name on the Hub, or ${BUNDLED} for the bundled model. ${environmentHelp}`,
  flags: () => ({
    text: {
      type: 'string',
      value: 'FILE',
      help: `a UTF-8 file; a text shorter than the context is one window after the beginning token. With --tasks alone, ${STORY_TOKENS} tokens of stories that no model was trained on`,
    },
    tasks: { type: 'string', value: 'NAMES', help: `all, or some of ${taskNames.join(', ')}` },
    n: { type: 'string', value: 'N', help: 'prompts of each task; 400 by default' },
    seed: { type: 'string', value: 'N', help: 'of the prompts; 0 by default' },
    tokenizer: tokenizerFlag,
    against: {
      type: 'string',
      value: 'MODEL',
      help: 'the uncompressed model: adds KL divergence, top-1 agreement and the change in nats',
    },
    context: {
      type: 'string',
      value: 'N',
      help: `tokens that the model sees at once; the ${WINDOW} that most figures are given for by default, or the model's context where that is shorter`,
    },
    stride: {
      type: 'string',
      value: 'N',
      help: 'new tokens in each window; all that fit by default. Windows then share no token, and the first of each is scored only where a beginning token goes before it',
    },
    device: deviceFlag,
    cache: cacheFlag,
  }),
  async run({ values, positionals }, terminal) {
    const model = onlyPositional(positionals, 'a model')
    if (values.text === undefined && values.tasks === undefined)
      throw new UsageError('expected --text FILE, the text to score, or --tasks all')
    const request: Request = {
      model,
      text: values.text === undefined ? undefined : await readTextFile(values.text),
      tasks: values.tasks === undefined ? undefined : tasksFrom(values.tasks),
      n: wholeNumber(values.n ?? '400', 'n', 1, 1_000_000),
      seed: wholeNumber(values.seed ?? '0', 'seed', 0, 2 ** 31),
      context: values.context === undefined ? undefined : wholeNumber(values.context, 'context', 2, 2 ** 31),
      stride: values.stride === undefined ? undefined : wholeNumber(values.stride, 'stride', 1, 2 ** 31),
      tokenizer: values.tokenizer,
      against: values.against,
      cache: values.cache,
      quiet: values.json === true,
    }
    const device = await openDevice(values.device)
    try {
      const { scores, result } = await measure(request, device, terminal)
      terminal.out.write(
        request.quiet
          ? `${JSON.stringify({ ...scores, ...result })}\n`
          : `${lines({ ...result, ...(scores && { answerNats: scores.answerNats }) })}${scores === undefined ? '' : `\n${taskTable(scores)}`}`,
      )
    } finally {
      device.dispose()
    }
  },
})

interface Request {
  /** As it was given, like `against`. */
  readonly model: string
  readonly text: string | undefined
  readonly tasks: readonly TaskName[] | undefined
  /** Prompts of each task. */
  readonly n: number
  readonly seed: number
  readonly context: number | undefined
  readonly stride: number | undefined
  /** A path. */
  readonly tokenizer: string | undefined
  readonly against: string | undefined
  readonly cache: string | undefined
  /** Says nothing but the result. */
  readonly quiet: boolean
}

type Result = Record<string, number | string>

async function measure(
  request: Request,
  device: Device,
  terminal: Terminal,
): Promise<{ result: Result; scores: TaskScores | undefined }> {
  const { signal } = terminal
  const wanted = { cache: request.cache, json: request.quiet }
  const file = await openGiven(request.model, wanted, terminal)
  const other = request.against === undefined ? undefined : await openGiven(request.against, wanted, terminal)
  try {
    for (const model of [file, other]) if (model !== undefined) checkLanguageModel(model)
    const tokenizer = await tokenizerOf(file, request.tokenizer, other)
    const model = await loadModel(file, { device, signal })
    const { windows, bytes, tokens: all } = textOf(request, tokenizer, model.config)
    const against = other && (await loadModel(other, { device, signal }))
    const named = async <T>(label: string, job: (options: JobOptions) => Promise<T>): Promise<T> => {
      const progress = progressOf(terminal, label, request)
      try {
        return await job({ signal, onProgress: (done, total) => progress.update(done, total) })
      } catch (error) {
        throw await withCulprit(error, [file, other])
      } finally {
        progress.end()
      }
    }
    const { tokens, nats, perplexity, divergence } = await named('evaluating', job =>
      evaluate(model, windows, { against, ...job }),
    )
    const { tasks, n, seed } = request
    const scores =
      tasks && (await named('tasks', job => evaluateTasks(model, tokenizer, { tasks, n, seed, ...job })))
    const size = storedSize(file)
    const result = {
      perplexity,
      nats: nats.mean,
      natsStandardError: nats.standardError,
      bitsPerByte: bitsPerByte(nats.mean, all ?? tokens, bytes),
      tokens,
      bytes,
      modelBytes: size.bytes,
      fileBytes: file.fileBytes,
      bitsPerWeight: size.bitsPerWeight,
      device: device.name,
      ...(divergence === undefined ? {} : flattened(divergence)),
    }
    return { result, scores }
  } finally {
    await file.close()
    await other?.close()
  }
}

/** What is scored: the text that was given, or stories. */
function textOf(
  { text, context, stride, seed }: Request,
  tokenizer: Tokenizer,
  config: LMConfig,
): { windows: EvaluationWindow[]; bytes: number; tokens?: number } {
  const contextLength = windowLength(context, config)
  if (text === undefined) {
    return storyWindows(tokenizer, { tokens: STORY_TOKENS, seed: STORY_SEED + seed, contextLength })
  }
  const bos = tokenizer.addsBos ? tokenizer.bos : undefined
  const tokens = tokenizer.encode(text)
  const apart = bos === undefined ? contextLength : undefined
  const windows = evaluationWindows(tokens, { contextLength, stride: stride ?? apart, bos })
  return { windows, bytes: new TextEncoder().encode(text).length, tokens: tokens.length }
}

/** @throws {ShapeError} where the model cannot see so much at once */
function windowLength(asked: number | undefined, { contextLength }: LMConfig): number {
  if (asked === undefined) return Math.min(contextLength, WINDOW)
  if (asked <= contextLength) return asked
  throw new ShapeError(
    `[cli/eval] expected --context of at most the model's ${contextLength} tokens, got ${asked}`,
  )
}

/** An error about numbers that are none, with the first weight that holds one. */
async function withCulprit(error: unknown, files: readonly (ModelFile | undefined)[]): Promise<unknown> {
  if (!(error instanceof NumericalError)) return error
  for (const file of files) {
    const found = file && (await firstNotFinite(file))
    if (found !== undefined) return new NumericalError(`${error.message}; the weight ${found}`)
  }
  return error
}

/** The weights as the file has them; in memory some are wider. */
function storedSize(file: ModelFile): { bytes: number; bitsPerWeight: number } {
  let bytes = 0
  let elements = 0
  for (const size of storedSizes(file)) {
    bytes += size.bytes
    elements += size.elements
  }
  return { bytes, bitsPerWeight: elements === 0 ? 0 : (8 * bytes) / elements }
}

/** A divergence as plain numbers: kl, klStandardError, … */
function flattened(means: { readonly [name: string]: Mean } | object): Record<string, number> {
  const entries = Object.entries(means as Record<string, Mean>)
  return Object.fromEntries(
    entries.flatMap(([name, { mean, standardError }]) => [
      [name, mean],
      [`${name}StandardError`, standardError],
    ]),
  )
}

function lines(result: Record<string, number | string>): string {
  const text = (name: string, value: number | string) =>
    typeof value === 'string'
      ? value
      : name.endsWith('Bytes')
        ? bytesText(value)
        : Number.isInteger(value)
          ? String(value)
          : value.toPrecision(6)
  return table(
    ['measure', 'value'],
    Object.entries(result).map(([name, value]) => [name, text(name, value)]),
  )
}
