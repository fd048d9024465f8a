import { decode, isEncoded, sizeOf } from '@tersor/core-tensor'
import { configFromHuggingFace, configText, huggingFaceTokenizer, openModel } from '@tersor/models'
import { jsonOf, MAX_DECODED, readEach } from './read-each.ts'
import { real } from './real-files.ts'
import { encodedFiles, ggufFiles, smallConfig, smallSafetensors, tokenizerFile } from './small-files.ts'
import type { FuzzTarget } from './target.ts'

/** Readers of what makes a model of such files. */
export function modelTargets(): readonly FuzzTarget[] {
  return [
    {
      name: 'config.json',
      seeds: [smallConfig, ...real('golden', 'config.json').slice(0, 60)],
      expansion: 4096,
      async read(file) {
        configText(configFromHuggingFace(jsonOf(file)))
      },
    },
    {
      name: 'tokenizer.json',
      seeds: [tokenizerFile(), ...real('cases-real-files', 'tokenizer.json').slice(0, 4)],
      expansion: 4096,
      async read(file) {
        const tokenizer = huggingFaceTokenizer(jsonOf(file) as object)
        tokenizer.decode(tokenizer.encode('ab a\u{1f600}', { addSpecial: true }))
      },
    },
    {
      name: 'model folder',
      seeds: [smallConfig, tokenizerFile(), smallSafetensors()[0]!, encodedFiles()[0]!],
      expansion: 4096,
      read: readFolder,
    },
    {
      name: 'GGUF model',
      seeds: [...ggufFiles(), ...real('cases-real-files', '.gguf').slice(0, 4)],
      expansion: 4096,
      read: file => readModel('https://files.example/model.gguf', { 'model.gguf': file }),
    },
  ]
}

/** Puts a changed file into the folder of a model, in the place that it looks made for. */
async function readFolder(file: Uint8Array): Promise<void> {
  const files: Record<string, Uint8Array> = {
    'config.json': smallConfig,
    'tokenizer.json': tokenizerFile(),
    'model.safetensors': smallSafetensors()[0]!,
  }
  const start = new TextDecoder().decode(file.subarray(0, 4096))
  const isJson = start.startsWith('{')
  const name = !isJson ? 'model.safetensors' : start.includes('model_type') ? 'config.json' : 'tokenizer.json'
  await readModel('https://files.example/', { ...files, [name]: file })
}

/** Opens a model from a server that has these files, and reads all of it. */
async function readModel(url: string, files: Record<string, Uint8Array>): Promise<void> {
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const bytes = files[new URL(String(input)).pathname.slice(1)]
    if (bytes === undefined) return new Response(null, { status: 404 })
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '') ?? []
    if (from === undefined) return new Response(bytes as Uint8Array<ArrayBuffer>)
    const [start, end] = [Number(from), Math.min(Number(to) + 1, bytes.length)]
    if (start >= bytes.length)
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } })
    const headers = { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` }
    return new Response(bytes.slice(start, end), { status: 206, headers })
  }
  const model = await openModel(url, { fetch: fetch as typeof globalThis.fetch, retry: { retries: 0 } })
  for (const name of model.names) model.storedName(name)
  await readEach(model.names, async name => {
    if (sizeOf(model.info(name).dims) > MAX_DECODED) return
    const weight = await model.load(name)
    if (isEncoded(weight)) decode(weight)
  })
  const tokenizer = await model.openTokenizer()
  tokenizer?.encode('ab')
}
