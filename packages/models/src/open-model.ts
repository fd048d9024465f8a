import {
  coreKinds,
  type Encoded,
  type Encoding,
  FormatError,
  type Tensor,
  type Tokenizer,
  UnsupportedError,
} from '@tersor/core-tensor'
import {
  loadWeight,
  openGguf,
  openLlama2c,
  openSafetensors,
  openSafetensorsIndex,
  openSource,
  type SafetensorsFile,
  weightNames,
} from '@tersor/formats'
import { configFromGguf, ggufNames, vocabularyFromGguf } from './gguf-llama.ts'
import { configFromHuggingFace, type LlamaConfig } from './llama-config.ts'
import {
  beside,
  inFolder,
  isFolder,
  isThere,
  nameOf,
  type Place,
  placeOf,
  readTextIfThere,
} from './model-files.ts'
import { openTokenizer } from './open-tokenizer.ts'
import { sentencePieceTokenizer } from './sentence-piece-tokenizer.ts'

/** A model on disk or on a server: its weights are read one at a time, when they are asked for. */
export interface ModelFile {
  /** Of a Llama model; undefined for a file of weights alone. */
  readonly config: LlamaConfig | undefined
  /** What the weights are called, in Hugging Face's way. */
  readonly names: readonly string[]
  /** Bytes of the weight files, headers and alignment included. */
  readonly fileBytes: number
  /** A weight as it is stored. */
  load(name: string): Promise<Tensor | Encoded>
  /** The tokenizer that lies in the file or beside it. */
  openTokenizer(): Promise<Tokenizer | undefined>
  close(): Promise<void>
}

export interface OpenModelOptions {
  /** The kinds of encodings that its weights may be of; `coreKinds` by default. */
  kinds?: readonly Encoding[] | undefined
}

/**
 * Opens a model from a path (Node) or a URL: a folder or file of safetensors (sharded or not, with a
 * Hugging Face `config.json` beside it or the configuration that Tersor writes inside), a GGUF file of
 * the llama architecture, or a llama2.c `.bin`. The URL of a folder ends with a slash; of files on a
 * server, which has to support range requests, only what is loaded is read.
 *
 * @throws {FormatError} when the file is malformed
 * @throws {UnsupportedError} when it holds another architecture, or is of another format; from `load`, when
 *   the weight is of a kind that is not among `kinds`
 */
export async function openModel(
  from: string | URL,
  { kinds = coreKinds }: OpenModelOptions = {},
): Promise<ModelFile> {
  const place = placeOf(from)
  if (!(await isFolder(place))) return openModelFile(place, kinds)
  for (const name of ['model.safetensors', 'model.safetensors.index.json']) {
    const inside = inFolder(place, name)
    if (await isThere(inside)) return openModelFile(inside, kinds)
  }
  throw new FormatError(
    `[models/open-model] expected model.safetensors or model.safetensors.index.json in ${from}`,
  )
}

async function openModelFile(path: Place, kinds: readonly Encoding[]): Promise<ModelFile> {
  const name = nameOf(path)
  if (name.endsWith('.safetensors')) {
    return fromSafetensors(await openSafetensors(path), path, [path], kinds)
  }
  if (name.endsWith('.safetensors.index.json')) return fromShards(path, kinds)
  if (name.endsWith('.gguf')) return fromGguf(path)
  if (name.endsWith('.bin')) return fromLlama2c(path)
  throw new UnsupportedError(
    `[models/open-model] expected a .safetensors, .safetensors.index.json, .gguf or llama2.c .bin file, got ${path}`,
  )
}

async function fromShards(path: Place, kinds: readonly Encoding[]): Promise<ModelFile> {
  const file = await openSafetensorsIndex(path)
  const { weight_map: map } = JSON.parse((await readTextIfThere(path))!) as {
    weight_map: Record<string, string>
  }
  return fromSafetensors(
    file,
    path,
    [...new Set(Object.values(map))].map(shard => beside(path, shard)),
    kinds,
  )
}

async function fromSafetensors(
  file: SafetensorsFile,
  path: Place,
  files: readonly Place[],
  kinds: readonly Encoding[],
): Promise<ModelFile> {
  const inside = file.metadata.get('config')
  const text = inside ?? (await readTextIfThere(beside(path, 'config.json')))
  const config =
    text === undefined ? undefined : await orClose(file, () => configFromHuggingFace(parseConfig(text, path)))
  return {
    config,
    names: weightNames(file),
    fileBytes: await bytesOf(files),
    load: name => loadWeight(file, name, { kinds }),
    openTokenizer: () => tokenizerBeside(path, config),
    close: () => file.close(),
  }
}

async function fromGguf(path: Place): Promise<ModelFile> {
  const file = await openGguf(path)
  const config = await orClose(file, () => configFromGguf(file))
  const names = ggufNames(config)
  return {
    config,
    names: [...names.keys()],
    fileBytes: await bytesOf([path]),
    load(name) {
      const stored = names.get(name)
      if (stored === undefined) throw new FormatError(`[models/open-model] ${path} has no weight '${name}'`)
      return file.read(stored)
    },
    async openTokenizer() {
      const vocabulary = vocabularyFromGguf(file)
      return vocabulary === undefined ? tokenizerBeside(path, config) : sentencePieceTokenizer(vocabulary)
    },
    close: () => file.close(),
  }
}

async function fromLlama2c(path: Place): Promise<ModelFile> {
  const file = await openLlama2c(path)
  const { dim, hiddenDim, sequenceLength, ...rest } = file.config
  const config: LlamaConfig = {
    ...rest,
    headDim: dim / rest.heads,
    hiddenSize: dim,
    intermediateSize: hiddenDim,
    contextLength: sequenceLength,
    ropeBase: 10000,
    epsilon: 1e-5,
    ropeLayout: 'interleaved',
  }
  return {
    config,
    names: [...file.tensors.keys()],
    fileBytes: await bytesOf([path]),
    load: name => file.read(name),
    openTokenizer: () => tokenizerBeside(path, config),
    close: () => file.close(),
  }
}

/** What `parse` gives; where it throws, the file is closed. */
async function orClose<T>(file: { close(): Promise<void> }, parse: () => T): Promise<T> {
  try {
    return parse()
  } catch (error) {
    await file.close()
    throw error
  }
}

/** tokenizer.json, tokenizer.bin, or llama2.c's tokN.bin for a vocabulary of N, in the folder of the model. */
async function tokenizerBeside(path: Place, config: LlamaConfig | undefined): Promise<Tokenizer | undefined> {
  for (const name of ['tokenizer.json', 'tokenizer.bin', `tok${config?.vocabSize}.bin`]) {
    const candidate = beside(path, name)
    if (await isThere(candidate)) return openTokenizer(candidate)
  }
  return undefined
}

async function bytesOf(places: readonly Place[]): Promise<number> {
  const sizes = await Promise.all(
    places.map(async place => {
      const source = await openSource(place)
      await source.close()
      return source.byteLength
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function parseConfig(text: string, path: Place): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FormatError(`[models/open-model] expected JSON in the configuration of ${path}`)
  }
}
