import { readFile } from 'node:fs/promises'
import { bitsPerByte, evaluate, evaluationWindows, type Mean, sizeReport } from '@tersor/eval'
import { loadModel, type ModelFile, openModel } from '@tersor/models'
import { onlyPositional, parseArguments, wholeNumber } from '../arguments.ts'
import { tokenizerOf } from '../calibration.ts'
import { DEVICE_HELP, openDevice } from '../devices.ts'
import type { Streams } from '../run.ts'
import { progressBar } from '../terminal/progress.ts'
import { bytesText, table } from '../terminal/table.ts'
import { UsageError } from '../usage-error.ts'

const HELP = `tersor eval MODEL --text FILE

Scores a text under a model: perplexity, bits per byte, and the distance from another model.

  --text       a UTF-8 file; a text shorter than the context is one window after the beginning token
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
    tokenizer: { type: 'string' },
    against: { type: 'string' },
    stride: { type: 'string' },
    device: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (values.help) return void streams.out.write(HELP)
  const path = onlyPositional(positionals, 'a model')
  if (values.text === undefined) throw new UsageError('expected --text FILE, the text to score')
  const device = await openDevice(values.device)
  const text = await readFile(values.text, 'utf8')
  const file = await openModel(path)
  try {
    const tokenizer = await tokenizerOf(file, values.tokenizer)
    const model = await loadModel(file, { device })
    const windows = evaluationWindows(tokenizer.encode(text), {
      contextLength: model.config.contextLength,
      bos: tokenizer.bos,
      ...(values.stride === undefined
        ? {}
        : { stride: wholeNumber(values.stride, 'stride', 1, model.config.contextLength) }),
    })
    const against =
      values.against === undefined ? {} : { against: await loadModel(values.against, { device }) }
    const progress = progressBar(streams, 'evaluating', values.json)
    const { tokens, nats, perplexity, divergence } = await evaluate(model, windows, {
      ...against,
      onProgress: (done, total) => progress.update(done, total),
    })
    progress.end()
    const bytes = new TextEncoder().encode(text).length
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
    streams.out.write(values.json ? `${JSON.stringify(result)}\n` : lines(result))
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
