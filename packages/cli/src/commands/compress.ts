import { existsSync } from 'node:fs'
import {
  checkRecipe,
  createJob,
  type DryRun,
  type Job,
  type JobResult,
  type JobSettings,
  modelRecipe,
  type Recipe,
  stepsLabel,
  type TensorOutcome,
} from '@tersor/compress'
import { type Device, sizeOf, UnsupportedError } from '@tersor/core-tensor'
import {
  CALIBRATION_SEED,
  CALIBRATION_TOKENS,
  firstToken,
  sampledWindows,
  textWindows,
  tokenizerFlag,
  tokenizerOf,
} from '../calibration.ts'
import { onlyPositional, valueAfter, wholeNumber } from '../command/arguments.ts'
import { command, type Terminal } from '../command/command.ts'
import { Finding, failureOf } from '../command/failure.ts'
import { commonFlags } from '../command/flag.ts'
import { Interruption } from '../command/interruption.ts'
import { MethodFlags, methodsNamed } from '../command/method-flags.ts'
import { UsageError } from '../command/usage-error.ts'
import { deviceFlag, openDevice } from '../devices.ts'
import { kinds, methods } from '../method-lists.ts'
import { cacheFlag, environmentHelp, openGiven } from '../model-source.ts'
import { delicateSteps } from '../recipes/delicate-steps.ts'
import { readRecipe } from '../recipes/read-recipe.ts'
import { progressOf } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'

/** For what is small next to what hangs on it. */
const DELICATE_BITS = 8

const names = () => methods.map(({ name }) => name).join(', ')

const flags = {
  method: {
    type: 'string',
    value: 'NAME,…',
    help: `what to do with every matrix: ${names()}; several are done in turn`,
  },
  recipe: {
    type: 'string',
    value: 'FILE',
    help: 'a recipe as JSON instead: which methods for which tensors',
  },
  'embedding-bits': {
    type: 'string',
    value: 'N',
    help: `of the embedding, the head and routers, where the methods take fewer bits; ${DELICATE_BITS} by default`,
  },
  calibration: {
    type: 'string',
    value: 'FILE',
    help: `a UTF-8 text for methods that need some; without it the model draws ${CALIBRATION_TOKENS} tokens itself`,
  },
  tokenizer: tokenizerFlag,
  device: { ...deviceFlag, help: deviceFlag.help.replace('runs', 'runs for calibration') },
  seed: { type: 'string', value: 'N', help: 'of what methods draw; 0 by default' },
  'dry-run': { type: 'boolean', help: 'says what would be made, and what would stop it; writes nothing' },
  force: { type: 'boolean', help: 'replaces OUT, and what belongs beside it, if they are there' },
  fresh: { type: 'boolean', help: 'starts over instead of going on where the same command was stopped' },
  requantize: {
    type: 'boolean',
    help: 'takes a model that is compressed already; the loss is measured against what it is then',
  },
  lenient: {
    type: 'boolean',
    help: 'a tensor that a method cannot take is stored in float16, instead of stopping the job',
  },
  cache: cacheFlag,
  output: { type: 'string', short: 'o', value: 'OUT', help: 'a .safetensors file' },
} as const

const methodFlags = new MethodFlags(methods, [...Object.keys(flags), ...Object.keys(commonFlags)])

/** `tersor compress`: a smaller file. */
export const compress = command({
  usage: 'FILE --method NAME[,NAME…] -o OUT',
  summary: 'writes a compressed model as one safetensors file; also called quantize',
  about: `Writes a compressed model as one safetensors file, its configuration inside, its tokenizer and a manifest beside it. Nothing is replaced unless asked for, and OUT is there as a whole or not at all. The same command run again goes on where it was stopped. FILE is a path, a URL, or hf:owner/name on the Hub. ${environmentHelp}`,
  flags: () => flags,
  // Whatever was named last decides what a flag of two methods takes.
  others: args => ({ ...methodFlags.table(methods), ...methodFlags.table(namedIn(args) ?? []) }),
  more(args) {
    const named = namedIn(args)
    return named === undefined
      ? `Methods; --method NAME --help lists the options of each.\n\n${methodFlags.help(methods, false)}`
      : methodFlags.help(named, true)
  },
  async run({ values, positionals }, terminal) {
    const given = onlyPositional(positionals, 'a model file')
    const { output, method, recipe } = values
    if (output === undefined) throw new UsageError('expected -o OUT, the file to write')
    if ((method === undefined) === (recipe === undefined))
      throw new UsageError(`expected either --method NAME (${names()}) or --recipe FILE`)
    const bits = wholeNumber(values['embedding-bits'] ?? String(DELICATE_BITS), 'embedding-bits', 2, 8)
    const seed = wholeNumber(values.seed ?? '0', 'seed', 0, 2 ** 31)
    const chosen = method === undefined ? [] : methodsNamed(method, methods)
    const use = methodFlags.steps(chosen, values)
    const source = await openGiven(given, values, terminal)
    try {
      const settings = {
        source,
        target: output,
        recipe:
          recipe === undefined
            ? modelRecipe(use, source.names, {
                name: stepsLabel(use, methods),
                delicate: delicateSteps(use, bits, methods),
              })
            : await readRecipe(recipe),
        ...{ methods, kinds, seed },
        strict: values.lenient !== true,
        force: values.force,
        requantize: values.requantize,
      }
      if (values['dry-run'] === true) return await explain(settings, values, terminal)
      const result = await finish(settings, values, terminal)
      terminal.out.write(
        values.json === true
          ? `${JSON.stringify({ output, ...forPrograms(result) })}\n`
          : summary(result, output, source.fileBytes),
      )
    } finally {
      await source.close()
    }
  },
})

/** The methods that arguments name, before they are parsed. */
function namedIn(args: readonly string[]) {
  const list = valueAfter(args, 'method')
  return list === undefined ? undefined : methodsNamed(list, methods)
}

interface Flags {
  readonly calibration?: string
  readonly tokenizer?: string
  readonly device?: string
  readonly fresh?: boolean
  readonly json?: boolean
}

/** `--dry-run`: the plan, and an error where something would stop the job. */
async function explain(settings: JobSettings, { json }: Flags, { out }: Terminal): Promise<void> {
  const calibration = needsText(settings.recipe) ? [new Int32Array(CALIBRATION_TOKENS)] : undefined
  const { plan, problems } = await createJob({ ...settings, calibration }).dryRun()
  if (json !== true) out.write(planTable(plan))
  const told = problems.map(problem => {
    const { code, message } = failureOf(problem)
    return { code, message }
  })
  const [first, ...more] = told
  if (first !== undefined) {
    const rest = more.map(({ message }) => `; ${message}`).join('')
    throw new Finding(first.code, `${first.message}${rest}`, { plan, problems: told })
  }
  if (json === true) out.write(`${JSON.stringify({ plan, problems: told })}\n`)
}

/** Runs the job, on text where it needs some. */
async function finish(settings: JobSettings, flags: Flags, terminal: Terminal): Promise<JobResult> {
  if (!needsText(settings.recipe)) return run(createJob(settings), flags, terminal)
  if (settings.source.config === undefined) {
    throw (
      settings.source.refusal ??
      new UnsupportedError(
        '[cli/compress] expected a config.json beside the weights, without which calibrated methods cannot run the model; add it, or use methods that need no text',
      )
    )
  }
  const device = await openDevice(flags.device)
  try {
    const calibration = await windowsFor(settings, flags, device, terminal)
    return await run(createJob({ ...settings, calibration, device }), flags, terminal)
  } finally {
    device.dispose()
  }
}

async function run(job: Job, { fresh, json: quiet }: Flags, terminal: Terminal): Promise<JobResult> {
  const progress = progressOf(terminal, 'compressing', { quiet })
  try {
    return await job.run({
      fresh,
      signal: terminal.signal,
      onProgress: (done, total) => progress.update(done, total),
    })
  } catch (error) {
    progress.end()
    if (error instanceof Interruption && quiet !== true)
      terminal.err.write('what is done is kept: the same command goes on from here\n')
    throw error
  } finally {
    progress.end()
  }
}

/** Whether a recipe, which is checked here, names a method that learns from text. */
function needsText(recipe: Recipe): boolean {
  const { rules } = checkRecipe(recipe, methods)
  const needs = rules.flatMap(({ use }) => use.flatMap(({ method }) => method.needs))
  return needs.some(need => need !== 'start')
}

/** What calibrated methods see: the text that was given, or what the model draws. */
async function windowsFor(
  settings: JobSettings,
  { calibration: text, tokenizer: path, json: quiet }: Flags,
  device: Device,
  terminal: Terminal,
): Promise<Int32Array[]> {
  const { source } = settings
  if (text !== undefined) return textWindows(source, await tokenizerOf(source, path), text)
  await requireSound(settings)
  const tokenizer = path === undefined ? await source.openTokenizer() : await tokenizerOf(source, path)
  if (quiet !== true)
    terminal.err.write(`no --calibration given: the model draws ${CALIBRATION_TOKENS} tokens of its own\n`)
  return sampledWindows(source, {
    tokens: CALIBRATION_TOKENS,
    seed: CALIBRATION_SEED,
    bos: firstToken(tokenizer),
    device,
    signal: terminal.signal,
    progress: progressOf(terminal, 'drawing calibration text', { quiet }),
  })
}

/** Before minutes go into a text: whatever would stop the job. One that a run before has begun was found sound then. */
async function requireSound(settings: JobSettings): Promise<void> {
  if (existsSync(`${settings.target}.job`)) return
  const calibration = [new Int32Array(CALIBRATION_TOKENS)]
  const [problem] = (await createJob({ ...settings, calibration }).dryRun()).problems
  if (problem !== undefined) throw problem
}

function forPrograms({ manifest, tensors, ...sizes }: JobResult) {
  return {
    job: manifest.id,
    ...sizes,
    tensors: tensors.map(tensor => ({ ...tensor, bitsPerWeight: bitsOf(tensor) })),
  }
}

function bitsOf({ bytes, dims }: { bytes: number; dims: readonly number[] }): number {
  const elements = sizeOf(dims)
  return elements === 0 ? 0 : (8 * bytes) / elements
}

function summary(result: JobResult, output: string, before: number): string {
  const { tensors, bytes, fileBytes, bitsPerWeight, resumed } = result
  const rows = tensors.map(tensor => [
    tensor.name,
    outcomeText(tensor),
    bitsOf(tensor).toFixed(3),
    tensor.snr === null ? 'exact' : `${tensor.snr.toFixed(1)} dB`,
  ])
  const total = `${bytes} bytes of weights, ${bitsPerWeight.toFixed(3)} bits each`
  const again = resumed === 0 ? '' : `${resumed} of ${tensors.length} tensors were done before\n`
  return `${table(['weight', 'outcome', 'bits/weight', 'SNR'], rows)}\n${again}${output}: ${bytesText(fileBytes)}, ${(before / fileBytes).toFixed(2)}× smaller (${total})\n`
}

function outcomeText(tensor: TensorOutcome): string {
  const text =
    tensor.outcome === 'compressed' ? tensor.steps.join(', then ') : `${tensor.outcome}: ${tensor.reason}`
  return tensor.against === undefined ? text : `${text} (measured against ${tensor.against})`
}

function planTable({ tensors, bytes, exact, peak, needed, free }: DryRun['plan']): string {
  const most = (count: number, isExact: boolean) => `${isExact ? '' : '≤ '}${count}`
  const rows = tensors.map(tensor => [
    tensor.name,
    tensor.steps.join(', then ') || 'kept',
    most(tensor.bytes, tensor.exact),
  ])
  const room = free === undefined ? '' : `, ${bytesText(free)} are free`
  return `${table(['weight', 'what is done', 'bytes'], rows)}\n${exact ? '' : 'at most '}${bytesText(bytes)} of weights; holds ${bytesText(peak)} at a time; needs ${bytesText(needed)} of disk${room}\n`
}
