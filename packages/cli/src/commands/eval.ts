import { readFile } from 'node:fs/promises'
import { bitsPerByte, evaluate, evaluationWindows, type Mean, sizeReport } from '@tersor/eval'
import { loadModel, type ModelFile, openModel } from '@tersor/models'
import { evaluateTasks, taskNames } from '@tersor/tasks'
import { onlyPositional, parseArguments, wholeNumber } from '../arguments.ts'
import { tokenizerOf } from '../calibration.ts'
import { DEVICE_HELP, openDevice } from '../devices.ts'
import { BUNDLED, modelPath } from '../model-path.ts'
import type { Streams } from '../run.ts'
import { storyWindows } from '../story-text.ts'
import { tasksFrom, taskTable } from '../tasks.ts'
import { progressBar } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'
import { UsageError } from '../usage-error.ts'

/** Tokens of stories that are scored where no text is given. */
const STORY_TOKENS = 20_000
/** Of those stories; tasks draw with seeds of their own. */
const STORY_SEED = 1_000

const HELP = `tersor eval MODEL [--text FILE] [--tasks all|NAME,…]

Scores a model: on a text, by perplexity, bits per byte and the distance from another model; and on tasks
that have one right answer each. MODEL is a path, or ${BUNDLED} for the bundled model.

  --text       a UTF-8 file; a text shorter than the context is one window after the beginning token.
               With --tasks alone, ${STORY_TOKENS} tokens of stories that no model was trained on
  --tasks      all, or some of ${taskNames.join(', ')}
  --n N        prompts of each task; 400 by default
  --seed N     of the prompts; 0 by default
  --tokenizer  where it is not in or beside the model
  --against    the uncompressed model: adds KL divergence, top-1 agreement and the change in nats
  --stride N   new tokens in each window; all that fit by default
  ${DEVICE_HELP}
  --json       one object
`

/** `tersor eval`: what a model makes of a text. */
export async function evalCommand(args: readonly string[], streams: Streams): Promise<void> {
  const { values, positionals } = parseArguments(args, {
    text: { type: 'string' },
    tasks: { type: 'string' },
    n: { type: 'string' },
    seed: { type: 'string' },
    tokenizer: { type: 'string' },
    against: { type: 'string' },
    stride: { type: 'string' },
    device: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (values.help) return void streams.out.write(HELP)
  const path = modelPath(onlyPositional(positionals, 'a model'))
  if (values.text === undefined && values.tasks === undefined)
    throw new UsageError('expected --text FILE, the text to score, or --tasks all')
  const tasks = values.tasks === undefined ? undefined : tasksFrom(values.tasks)
  const n = wholeNumber(values.n ?? '400', 'n', 1, 1_000_000)
  const seed = wholeNumber(values.seed ?? '0', 'seed', 0, 2 ** 31)
  const device = await openDevice(values.device)
  const text = values.text === undefined ? undefined : await readFile(values.text, 'utf8')
  const file = await openModel(path)
  try {
    const tokenizer = await tokenizerOf(file, values.tokenizer)
    const model = await loadModel(file, { device })
    const { contextLength } = model.config
    const { windows, bytes } =
      text === undefined
        ? storyWindows(tokenizer, { tokens: STORY_TOKENS, seed: STORY_SEED + seed, contextLength })
        : {
            windows: evaluationWindows(tokenizer.encode(text), {
              contextLength,
              bos: tokenizer.bos,
              ...(values.stride === undefined
                ? {}
                : { stride: wholeNumber(values.stride, 'stride', 1, contextLength) }),
            }),
            bytes: new TextEncoder().encode(text).length,
          }
    const against =
      values.against === undefined ? {} : { against: await loadModel(modelPath(values.against), { device }) }
    const progress = progressBar(streams, 'evaluating', values.json)
    const { tokens, nats, perplexity, divergence } = await evaluate(model, windows, {
      ...against,
      onProgress: (done, total) => progress.update(done, total),
    })
    progress.end()
    const taskProgress = progressBar(streams, 'tasks', values.json)
    const scores =
      tasks === undefined
        ? undefined
        : await evaluateTasks(model, tokenizer, {
            ...{ tasks, n, seed },
            onProgress: (done, total) => taskProgress.update(done, total),
          })
    taskProgress.end()
    const size = await storedSize(file)
    const result = {
      perplexity,
      nats: nats.mean,
      natsStandardError: nats.standardError,
      bitsPerByte: bitsPerByte(nats.mean, tokens, bytes),
      tokens,
      bytes,
      modelBytes: size.bytes,
      fileBytes: file.fileBytes,
      bitsPerWeight: size.bitsPerWeight,
      device: device.name,
      ...(divergence === undefined ? {} : flattened(divergence)),
    }
    streams.out.write(
      values.json
        ? `${JSON.stringify({ ...scores, ...result })}\n`
        : `${lines({ ...result, ...(scores && { answerNats: scores.answerNats }) })}${scores === undefined ? '' : `\n${taskTable(scores)}`}`,
    )
  } finally {
    device.dispose()
    await file.close()
  }
}

/** The weights as the file has them; in memory some are wider. */
async function storedSize(file: ModelFile): Promise<{ bytes: number; bitsPerWeight: number }> {
  let bytes = 0
  let elements = 0
  for (const name of file.names) {
    const size = sizeReport([[name, await file.load(name)]])
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
