import {
  type CompressResult,
  compressModel,
  GPTQ_DEFAULTS,
  type Method,
  methodModelRecipe,
} from '@tersor/compress'
import { type ModelFile, openModel } from '@tersor/models'
import { oneOf, onlyPositional, parseArguments, wholeNumber } from '../arguments.ts'
import {
  CALIBRATION_SEED,
  CALIBRATION_TOKENS,
  sampledWindows,
  textWindows,
  tokenizerOf,
} from '../calibration.ts'
import { modelPath } from '../model-path.ts'
import type { Streams } from '../run.ts'
import { progressBar } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'
import { UsageError } from '../usage-error.ts'

/** More than any row has. */
const MAX_GROUP = 2 ** 31

const HELP = `tersor quantize FILE --method METHOD -o OUT

Writes a compressed model as one safetensors file, tensor by tensor.

  --method       rtn (round to nearest), gptq (calibrated), nf4, float8
  --bits N       2 to 8, for rtn and gptq; 4 by default
  --group N      weights that share a scale; 32 by default, 64 for nf4
  --range        minmax (rtn's default) or mse (gptq's): ranges of the least squared error
  --zero         where ranges start, for rtn and gptq: float (default), any number; integer, so that
                 0 is a code; middle, the code in the middle
  --order        for gptq: act (default), largest inputs first, or natural
  --sweeps N     for gptq: passes of coordinate descent after it; 4 by default
  --embedding-bits N
                 of the embedding and the head, where the method takes fewer bits; 8 by default
  --calibration  a text file for gptq; without it the model draws ${CALIBRATION_TOKENS} tokens itself
  --tokenizer    where it is not beside the model
  --lenient      a tensor that the method cannot take stays float16, instead of stopping the job
  -o, --output   replaced only when everything is written
  --json         one object: sizes, and what became of every tensor
`

/** `tersor quantize`: a smaller file. */
export async function quantize(args: readonly string[], streams: Streams): Promise<void> {
  const { values, positionals } = parseArguments(args, {
    method: { type: 'string' },
    bits: { type: 'string' },
    group: { type: 'string' },
    range: { type: 'string' },
    zero: { type: 'string' },
    order: { type: 'string' },
    sweeps: { type: 'string' },
    'embedding-bits': { type: 'string' },
    calibration: { type: 'string' },
    tokenizer: { type: 'string' },
    lenient: { type: 'boolean' },
    output: { type: 'string', short: 'o' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (values.help) return void streams.out.write(HELP)
  const path = modelPath(onlyPositional(positionals, 'a model file'))
  if (values.output === undefined) throw new UsageError('expected -o OUT, the file to write')
  if (values.method === undefined) throw new UsageError('expected --method rtn, gptq, nf4 or float8')
  const method = methodFrom(values as MethodFlags)
  const quiet = values.json === true
  const file = await openModel(path)
  try {
    const windows = method.method === 'gptq' ? await calibration(file, values, streams, quiet) : undefined
    const progress = progressBar(streams, 'quantising', quiet)
    const embeddingBits = wholeNumber(values['embedding-bits'] ?? '8', 'embedding-bits', 2, 8)
    const result = await compressModel(
      file,
      methodModelRecipe(method, file.names, embeddingBits),
      values.output,
      {
        strict: values.lenient !== true,
        onProgress: (done, total) => progress.update(done, total),
        ...(windows === undefined ? {} : { calibration: windows }),
      },
    )
    progress.end()
    streams.out.write(
      quiet
        ? `${JSON.stringify({ output: values.output, ...result })}\n`
        : summary(result, values.output, file.fileBytes),
    )
  } finally {
    await file.close()
  }
}

interface MethodFlags {
  method: string
  bits?: string
  group?: string
  range?: string
  zero?: string
  order?: string
  sweeps?: string
}

/** Which flags each method knows. */
const FLAGS = {
  rtn: ['bits', 'group', 'range', 'zero'],
  gptq: ['bits', 'group', 'range', 'zero', 'order', 'sweeps'],
  nf4: ['bits', 'group'],
  float8: ['bits'],
} as const

/** A method from flags; a flag that it does not know is wrong usage, not silently dropped. */
function methodFrom(flags: MethodFlags): Method {
  const method = oneOf(flags.method, 'method', ['rtn', 'gptq', 'nf4', 'float8'])
  const known: readonly string[] = FLAGS[method]
  for (const flag of FLAGS.gptq) {
    if (flags[flag] !== undefined && !known.includes(flag))
      throw new UsageError(`--${flag} does not go with --method ${method}`)
  }
  const number = (flag: 'bits' | 'group' | 'sweeps', fallback: number, low: number, high: number) =>
    flags[flag] === undefined ? fallback : wholeNumber(flags[flag], flag, low, high)
  if (method === 'float8') {
    number('bits', 8, 8, 8)
    return { method }
  }
  if (method === 'nf4') {
    number('bits', 4, 4, 4)
    return { method, blockSize: number('group', 64, 1, MAX_GROUP) }
  }
  const zero = oneOf(flags.zero ?? 'float', 'zero', ['float', 'integer', 'middle'])
  const shared = {
    bits: number('bits', 4, 2, 8),
    groupSize: number('group', 32, 1, MAX_GROUP),
    ...(zero === 'middle' ? { symmetric: true } : { zero }),
  }
  const range =
    oneOf(flags.range ?? (method === 'rtn' ? 'minmax' : 'mse'), 'range', ['minmax', 'mse']) === 'mse'
      ? 'mse'
      : 'minMax'
  if (method === 'rtn') return { method, ...shared, range }
  const actOrder = oneOf(flags.order ?? 'act', 'order', ['act', 'natural']) === 'act'
  return { method, ...shared, range, actOrder, sweeps: number('sweeps', GPTQ_DEFAULTS.sweeps, 0, 1000) }
}

async function calibration(
  file: ModelFile,
  {
    calibration: text,
    tokenizer: path,
  }: { calibration?: string | undefined; tokenizer?: string | undefined },
  streams: Streams,
  quiet: boolean,
): Promise<Int32Array[]> {
  if (text !== undefined) return textWindows(file, await tokenizerOf(file, path), text)
  const tokenizer = path === undefined ? await file.openTokenizer() : await tokenizerOf(file, path)
  if (!quiet)
    streams.err.write(`no --calibration given: the model draws ${CALIBRATION_TOKENS} tokens of its own\n`)
  return sampledWindows(file, {
    tokens: CALIBRATION_TOKENS,
    seed: CALIBRATION_SEED,
    bos: tokenizer?.bos ?? 1,
    progress: progressBar(streams, 'drawing calibration text', quiet),
  })
}

function summary(
  { tensors, bytes, fileBytes, bitsPerWeight }: CompressResult,
  output: string,
  before: number,
): string {
  const rows = tensors.map(tensor => [
    tensor.name,
    tensor.outcome === 'quantised' ? tensor.method : `${tensor.outcome}: ${tensor.reason}`,
    tensor.bitsPerWeight.toFixed(3),
    tensor.snr === null ? 'exact' : `${tensor.snr.toFixed(1)} dB`,
  ])
  const total = `${bytes} bytes of weights, ${bitsPerWeight.toFixed(3)} bits each`
  return `${table(['weight', 'outcome', 'bits/weight', 'SNR'], rows)}\n${output}: ${bytesText(fileBytes)}, ${(before / fileBytes).toFixed(2)}× smaller (${total})\n`
}
