import { onlyPositional, oneOf, parseArguments, wholeNumber } from '../arguments.ts'
import { CALIBRATION_SEED, CALIBRATION_TOKENS, sampledWindows, textWindows, tokenizerOf } from '../calibration.ts'
import { compressModel, type CompressResult } from '../job/compress-model.ts'
import { type Method, recipeOf } from '../job/recipe.ts'
import { type ModelFile, openModel } from '@tersor/models'
import type { Streams } from '../run.ts'
import { progressBar } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'
import { UsageError } from '../usage-error.ts'

const HELP = `tersor quantize FILE --method METHOD -o OUT

Writes a compressed model as one safetensors file, tensor by tensor.

  --method       rtn (round to nearest), gptq (calibrated), nf4, float8
  --bits N       2 to 8, for rtn and gptq; 4 by default
  --group N      weights that share a scale; 32 by default, 64 for nf4
  --range        minmax (default) or mse, for rtn and gptq
  --symmetric    zero in the middle of the codes, for rtn and gptq
  --act-order    largest inputs first, for gptq
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
    symmetric: { type: 'boolean' },
    'act-order': { type: 'boolean' },
    calibration: { type: 'string' },
    tokenizer: { type: 'string' },
    lenient: { type: 'boolean' },
    output: { type: 'string', short: 'o' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (values.help) return void streams.out.write(HELP)
  const path = onlyPositional(positionals, 'a model file')
  if (values.output === undefined) throw new UsageError('expected -o OUT, the file to write')
  if (values.method === undefined) throw new UsageError('expected --method rtn, gptq, nf4 or float8')
  const method = methodFrom(values as MethodFlags)
  const quiet = values.json === true
  const file = await openModel(path)
  try {
    const windows = method.method === 'gptq' ? await calibration(file, values, streams, quiet) : undefined
    const progress = progressBar(streams, 'quantising', quiet)
    const result = await compressModel(file, recipeOf(method), values.output, {
      strict: values.lenient !== true,
      onProgress: (done, total) => progress.update(done, total),
      ...(windows === undefined ? {} : { calibration: windows }),
    })
    progress.end()
    streams.out.write(quiet ? `${JSON.stringify({ output: values.output, ...result })}\n` : summary(result, values.output, file.fileBytes))
  } finally {
    await file.close()
  }
}

interface MethodFlags {
  method: string
  bits?: string
  group?: string
  range?: string
  symmetric?: boolean
  'act-order'?: boolean
}

/** A method from flags; a flag that it does not know is wrong usage, not silently dropped. */
function methodFrom(flags: MethodFlags): Method {
  const method = oneOf(flags.method, 'method', ['rtn', 'gptq', 'nf4', 'float8'])
  const known: Record<string, readonly string[]> = {
    rtn: ['bits', 'group', 'range', 'symmetric'],
    gptq: ['bits', 'group', 'range', 'symmetric', 'act-order'],
    nf4: ['group', 'bits'],
    float8: ['bits'],
  }
  for (const flag of ['bits', 'group', 'range', 'symmetric', 'act-order'] as const) {
    if (flags[flag] !== undefined && !known[method]!.includes(flag)) throw new UsageError(`--${flag} does not go with --method ${method}`)
  }
  const group = flags.group === undefined ? undefined : wholeNumber(flags.group, 'group', 1, 2 ** 31)
  if (method === 'float8') {
    if (flags.bits !== undefined) wholeNumber(flags.bits, 'bits', 8, 8)
    return { method }
  }
  if (method === 'nf4') {
    if (flags.bits !== undefined) wholeNumber(flags.bits, 'bits', 4, 4)
    return { method, ...(group === undefined ? {} : { blockSize: group }) }
  }
  const shared = {
    bits: wholeNumber(flags.bits ?? '4', 'bits', 2, 8),
    groupSize: group ?? 32,
    ...(flags.symmetric ? { symmetric: true } : {}),
    ...(flags.range !== undefined && oneOf(flags.range, 'range', ['minmax', 'mse']) === 'mse' ? { range: 'mse' as const } : {}),
  }
  return method === 'rtn' ? { method, ...shared } : { method, ...shared, ...(flags['act-order'] ? { actOrder: true } : {}) }
}

async function calibration(
  file: ModelFile,
  { calibration: text, tokenizer: path }: { calibration?: string | undefined; tokenizer?: string | undefined },
  streams: Streams,
  quiet: boolean,
): Promise<Int32Array[]> {
  if (text !== undefined) return textWindows(file, await tokenizerOf(file, path), text)
  const tokenizer = path === undefined ? await file.openTokenizer() : await tokenizerOf(file, path)
  if (!quiet) streams.err.write(`no --calibration given: the model draws ${CALIBRATION_TOKENS} tokens of its own\n`)
  return sampledWindows(file, {
    tokens: CALIBRATION_TOKENS,
    seed: CALIBRATION_SEED,
    bos: tokenizer?.bos ?? 1,
    progress: progressBar(streams, 'drawing calibration text', quiet),
  })
}

function summary({ tensors, bytes, fileBytes, bitsPerWeight }: CompressResult, output: string, before: number): string {
  const rows = tensors.map(tensor => [
    tensor.name,
    tensor.outcome === 'quantised' ? tensor.method : `${tensor.outcome}: ${tensor.reason}`,
    tensor.bitsPerWeight.toFixed(3),
    tensor.snr === null ? 'exact' : `${tensor.snr.toFixed(1)} dB`,
  ])
  const total = `${bytes} bytes of weights, ${bitsPerWeight.toFixed(3)} bits each`
  return `${table(['weight', 'outcome', 'bits/weight', 'SNR'], rows)}\n${output}: ${bytesText(fileBytes)}, ${(before / fileBytes).toFixed(2)}× smaller (${total})\n`
}
