import { byteLength, type Tokenizer } from '@tersor/core-tensor'
import { generate } from '@tersor/decode'
import { checkModel, type Decoder, isEncoder, loadModel, type ModelFile } from '@tersor/models'
import { compareModels } from './compare-models.ts'
import { compressModel } from './compress-model.ts'
import { aboutDevice, createDevice } from './create-device.ts'
import { openFiles, openGiven } from './given-model.ts'
import { forgetKeptFiles } from './kept-files.ts'
import type { Answer, Request } from './messages.ts'
import { createScratchFile, removeLeftovers, type ScratchFile } from './scratch-file.ts'

/** What is there now: the original, open for comparing, what was made of it, and the model that runs. */
let source: ModelFile | undefined
let scratch: ScratchFile | undefined
let model: Decoder | undefined
let tokenizer: Tokenizer | undefined

/** Stops what runs now. */
let running = new AbortController()

/** Reading a tensor takes no signal, so that what it asks of a server ends with what runs now. */
const stoppable: typeof fetch = (input, init) => {
  const signals = [running.signal, ...(init?.signal ? [init.signal] : [])]
  return fetch(input, { ...init, signal: AbortSignal.any(signals) })
}

const answer = (message: Answer) => self.postMessage(message)
const ready = removeLeftovers()

self.addEventListener('message', async ({ data }: MessageEvent<Request>) => {
  if (data.kind === 'stop') return running.abort(new Error('stopped by the user'))
  running = new AbortController()
  const { signal } = running
  try {
    await ready
    answer({ kind: 'done', note: await run(data, signal) })
  } catch (error) {
    answer(signal.aborted ? { kind: 'stopped' } : { kind: 'problem', message: String(error) })
  }
})

/** Does what is asked for. @returns what there is to say about it */
async function run(request: Exclude<Request, { kind: 'stop' }>, signal: AbortSignal): Promise<string> {
  switch (request.kind) {
    case 'load':
      return load(request, signal)
    case 'write':
      return write(request, signal)
    case 'compare':
      return compare(request, signal)
    case 'forget':
      await forgetKeptFiles()
      return 'Nothing is kept any more.'
  }
}

async function load({ given, bits, device: name }: Request & { kind: 'load' }, signal: AbortSignal) {
  await unload()
  const onProgress = (done: number, total: number, file: string) =>
    answer({ kind: 'progress', stage: `downloading ${file}`, done, total })
  source = await openGiven(given, { signal, onProgress, fetch: stoppable })
  // What is not understood at all is compressed by the names of its tensors; what is, has to be whole.
  if (source.config !== undefined || source.unread !== undefined) checkModel(source)
  const target = (scratch = await createScratchFile())
  const result = await compressModel(source, {
    ...{ bits, signal, scratch: target },
    onProgress: (done, total, tensors) =>
      answer({ kind: 'progress', stage: 'compressing', done, total, tensors }),
  }).catch(async error => {
    await unload()
    throw error
  })
  answer({ kind: 'compressed', result })
  if (source.config === undefined || isEncoder(source.config))
    return `It is compressed, and does not write: ${source.refusal?.message ?? 'it is no language model that is known here'}`
  return start(await openFiles(result.files), name, signal)
}

/** Runs the file that was made, as whoever downloads it does. */
async function start(file: ModelFile, name: 'wasm' | 'webgpu', signal: AbortSignal): Promise<string> {
  const device = await createDevice(name)
  try {
    tokenizer = await file.openTokenizer()
    model = await loadModel(file, { device, signal })
  } catch (error) {
    device.dispose?.()
    throw error
  }
  const heldBytes = [...model.weights.values()].reduce((sum, weight) => sum + byteLength(weight), 0)
  answer({ kind: 'loaded', heldBytes, device: aboutDevice(device) })
  return 'It is compressed, and ready to write.'
}

async function unload(): Promise<void> {
  const gone = { model, source, scratch }
  model = source = scratch = tokenizer = undefined
  gone.model?.dispose()
  gone.model?.device.dispose?.()
  await gone.source?.close()
  await gone.scratch?.drop()
}

async function write(request: Request & { kind: 'write' }, signal: AbortSignal): Promise<string> {
  const { prompt, maxTokens, temperature } = request
  const { model, tokenizer } = whatWrites()
  const { bos, addsBos, ends } = tokenizer
  const begin = [...(addsBos ? [bos!] : []), ...tokenizer.encode(prompt)]
  const tokens: number[] = []
  const start = performance.now()
  const options = { maxTokens, temperature, seed: Date.now(), stop: ends, signal }
  for await (const token of generate(model, Int32Array.from(begin), options)) {
    tokens.push(token)
    const text = tokenizer.decode(Int32Array.from([...begin, ...tokens]))
    answer({ kind: 'text', text, tokens: tokens.length, seconds: (performance.now() - start) / 1000 })
  }
  return ''
}

async function compare({ text }: Request & { kind: 'compare' }, signal: AbortSignal): Promise<string> {
  const { model, tokenizer } = whatWrites()
  const onProgress = (done: number, total: number) =>
    answer({ kind: 'progress', stage: 'scoring', done, total })
  const about = { file: source!, device: model.device, tokenizer, text }
  answer({ kind: 'compared', ...(await compareModels(model, about, { signal, onProgress })) })
  return ''
}

function whatWrites(): { model: Decoder; tokenizer: Tokenizer } {
  if (model === undefined) throw new Error('load a model first')
  if (tokenizer === undefined) throw new Error('there is no tokenizer beside this model')
  return { model, tokenizer }
}
