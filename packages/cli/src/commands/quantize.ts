import {
  type CompressResult,
  compressModel,
  GPTQ_DEFAULTS,
  type Method,
  methodModelRecipe,
} from '@tersor/compress'
import { type ModelFile, openModel } from '@tersor/models'
import {
  CALIBRATION_SEED,
  CALIBRATION_TOKENS,
  sampledWindows,
  textWindows,
  tokenizerFlag,
  tokenizerOf,
} from '../calibration.ts'
import { oneOf, onlyPositional, wholeNumber } from '../command/arguments.ts'
import { command, type Terminal } from '../command/command.ts'
import { UsageError } from '../command/usage-error.ts'
import { deviceFlag, openDevice } from '../devices.ts'
import { modelPath } from '../model-path.ts'
import { progressOf } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'

/** More than any row has. */
const MAX_GROUP = 2 ** 31

/** `tersor quantize`: a smaller file. */
export const quantize = command({
  usage: 'FILE --method METHOD -o OUT',
  summary: 'writes a compressed model as one safetensors file',
  about: 'Writes a compressed model as one safetensors file, tensor by tensor.',
  flags: () => ({
    method: {
      type: 'string',
      value: 'METHOD',
      help: 'rtn (round to nearest), gptq (calibrated), nf4, float8',
    },
    bits: { type: 'string', value: 'N', help: '2 to 8, for rtn and gptq; 4 by default' },
    group: {
      type: 'string',
      value: 'N',
      help: 'weights that share a scale; 32 by default, 64 for nf4',
    },
    range: {
      type: 'string',
      value: 'HOW',
      help: "minmax (rtn's default) or mse (gptq's): ranges of the least squared error",
    },
    zero: {
      type: 'string',
      value: 'WHERE',
      help: 'where ranges start, for rtn and gptq: float (default), any number; integer, so that 0 is a code; middle, the code in the middle',
    },
    order: {
      type: 'string',
      value: 'ORDER',
      help: 'for gptq: act (default), largest inputs first, or natural',
    },
    sweeps: {
      type: 'string',
      value: 'N',
      help: 'for gptq: passes of coordinate descent after it; 4 by default',
    },
    'embedding-bits': {
      type: 'string',
      value: 'N',
      help: 'of the embedding and the head, where the method takes fewer bits; 8 by default',
    },
    calibration: {
      type: 'string',
      value: 'FILE',
      help: `a UTF-8 text file for gptq; without it the model draws ${CALIBRATION_TOKENS} tokens itself`,
    },
    tokenizer: tokenizerFlag,
    device: { ...deviceFlag, help: `where calibration text is drawn; ${deviceFlag.help}` },
    lenient: {
      type: 'boolean',
      help: 'a tensor that the method cannot take stays float16, instead of stopping the job',
    },
    output: {
      type: 'string',
      short: 'o',
      value: 'OUT',
      help: 'replaced only when everything is written',
    },
  }),
  async run({ values, positionals }, terminal) {
    const path = modelPath(onlyPositional(positionals, 'a model file'))
    if (values.output === undefined) throw new UsageError('expected -o OUT, the file to write')
    if (values.method === undefined) throw new UsageError('expected --method rtn, gptq, nf4 or float8')
    const method = methodFrom(values as MethodFlags)
    const embeddingBits = wholeNumber(values['embedding-bits'] ?? '8', 'embedding-bits', 2, 8)
    const quiet = values.json === true
    const { signal } = terminal
    const file = await openModel(path, { signal })
    try {
      const calibration = method.method === 'gptq' ? await windowsOf(file, values, terminal) : undefined
      const progress = progressOf(terminal, 'compressing', { quiet })
      const result = await compressModel(
        file,
        methodModelRecipe(method, file.names, embeddingBits),
        values.output,
        {
          ...(calibration === undefined ? {} : { calibration }),
          strict: values.lenient !== true,
          signal,
          onProgress: (done, total) => progress.update(done, total),
        },
      )
      progress.end()
      terminal.out.write(
        quiet
          ? `${JSON.stringify({ output: values.output, ...result })}\n`
          : summary(result, values.output, file.fileBytes),
      )
    } finally {
      await file.close()
    }
  },
})

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
    return { method, groupSize: number('group', 64, 1, MAX_GROUP) }
  }
  const zero = oneOf(flags.zero ?? 'float', 'zero', ['float', 'integer', 'middle'])
  const shared = {
    bits: number('bits', 4, 2, 8),
    groupSize: number('group', 32, 1, MAX_GROUP),
    zero,
  }
  const range =
    oneOf(flags.range ?? (method === 'rtn' ? 'minmax' : 'mse'), 'range', ['minmax', 'mse']) === 'mse'
      ? 'mse'
      : 'minMax'
  if (method === 'rtn') return { method, ...shared, range }
  const actOrder = oneOf(flags.order ?? 'act', 'order', ['act', 'natural']) === 'act'
  return { method, ...shared, range, actOrder, sweeps: number('sweeps', GPTQ_DEFAULTS.sweeps, 0, 1000) }
}

interface CalibrationFlags {
  readonly calibration?: string
  readonly tokenizer?: string
  readonly device?: string
  readonly json?: boolean
}

async function windowsOf(
  file: ModelFile,
  { calibration: text, tokenizer: path, device: name, json }: CalibrationFlags,
  terminal: Terminal,
): Promise<Int32Array[]> {
  if (text !== undefined) return textWindows(file, await tokenizerOf(file, path), text)
  const tokenizer = path === undefined ? await file.openTokenizer() : await tokenizerOf(file, path)
  if (json !== true)
    terminal.err.write(`no --calibration given: the model draws ${CALIBRATION_TOKENS} tokens of its own\n`)
  const device = await openDevice(name)
  try {
    return await sampledWindows(file, {
      tokens: CALIBRATION_TOKENS,
      seed: CALIBRATION_SEED,
      bos: tokenizer?.bos ?? 1,
      device,
      signal: terminal.signal,
      progress: progressOf(terminal, 'drawing calibration text', { quiet: json }),
    })
  } finally {
    device.dispose()
  }
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
