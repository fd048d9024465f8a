import {
  bytesOf,
  coreKinds,
  type Encoded,
  type Encoding,
  FormatError,
  sizeOf,
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
  type SafetensorsFile,
  type SourceOptions,
  type TensorInfo,
  type WeightInfo,
  weightInfo,
  weightNames,
} from '@tersor/formats'
import { companionsBeside, VOCABULARY } from './companions.ts'
import { foreignQuantization } from './foreign-quantization.ts'
import { configFromGguf, ggufNames, requireWhole } from './gguf-llama.ts'
import { configFromHuggingFace, configToHuggingFace, type LlamaConfig } from './llama-config.ts'
import {
  beside,
  bytesOfFiles,
  inFolder,
  isFolder,
  isThere,
  nameOf,
  type Place,
  placeOf,
  readTextIfThere,
  startOf,
  whyNotThere,
} from './model-files.ts'
import { ggufTokenizer, holdsTokenizer } from './tokenizers/gguf-tokenizer.ts'
import { tokenizerBeside } from './tokenizers/open-tokenizer.ts'
import { weightShapes } from './weight-names.ts'

/** A model on disk or on a server: its weights are read one at a time, when they are asked for. */
export interface ModelFile {
  /** Of a Llama model; undefined for a file of weights alone. */
  readonly config: LlamaConfig | undefined
  /** The configuration as its file spells it, every key of it; of other formats as Hugging Face would. */
  readonly configText: string | undefined
  /** The weights that the configuration asks for, with their shapes. */
  readonly shapes: ReadonlyMap<string, readonly number[]> | undefined
  /** What was opened: a path or a URL, possibly of a folder. */
  readonly from: string | URL
  /** The files that hold its weights, and the index of shards. */
  readonly files: readonly (string | URL)[]
  /** What the weights are called, in Hugging Face's way. */
  readonly names: readonly string[]
  /** How another program quantized it, such as `fp8`: then it can be looked into and not run, see `checkModel`. */
  readonly quantizedBy?: string | undefined
  /** Bytes of the weight files, headers and alignment included. */
  readonly fileBytes: number
  /**
   * What is known of a weight before it is loaded.
   *
   * @throws {FormatError} when there is none of that name
   */
  info(name: string): WeightInfo
  /** A weight as it is stored. */
  load(name: string): Promise<Tensor | Encoded>
  /** What has to travel with the weights, so that text becomes the same tokens: files by name, with their bytes. */
  companions(): Promise<ReadonlyMap<string, Uint8Array>>
  /** The tokenizer that lies in the file or beside it. */
  openTokenizer(): Promise<Tokenizer | undefined>
  close(): Promise<void>
}

export interface OpenModelOptions extends SourceOptions {
  /** The kinds of encodings that its weights may be of; `coreKinds` by default. */
  kinds?: readonly Encoding[] | undefined
}

/**
 * Opens a model from a path (Node) or a URL: a folder or file of safetensors (sharded or not, with a
 * Hugging Face `config.json` beside it or the configuration that Tersor writes inside), a GGUF file of
 * the llama architecture, or a llama2.c `.bin`. The URL of a folder ends with a slash; of files on a
 * server, which has to support range requests, only what is loaded is read.
 *
 * @param options.fetch  what asks servers, such as one that adds a token to the headers
 * @param options.signal  aborts the opening
 * @throws {FormatError} when nothing is there, or the file is malformed
 * @throws {UnsupportedError} when it holds another architecture, or is of another format; from `load`, when
 *   the weight is of a kind that is not among `kinds`
 */
export async function openModel(from: string | URL, options: OpenModelOptions = {}): Promise<ModelFile> {
  const place = placeOf(from)
  if (!(await isFolder(place))) return openModelFile(place, options)
  const reasons: string[] = []
  for (const name of ['model.safetensors', 'model.safetensors.index.json']) {
    const inside = inFolder(place, name)
    const reason = await whyNotThere(inside, options)
    if (reason === undefined) return { ...(await openModelFile(inside, options)), from: place }
    reasons.push(reason)
  }
  if (!(place instanceof URL)) await refusePickles(place)
  throw new FormatError(
    `[models/open-model] expected model.safetensors or model.safetensors.index.json in ${from}, got ${reasons.join(' and ')}`,
  )
}

async function openModelFile(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  const name = nameOf(path)
  if (name.endsWith('.safetensors')) {
    return fromSafetensors(await openSafetensors(path, options), path, [path], options)
  }
  if (name.endsWith('.safetensors.index.json')) return fromShards(path, options)
  if (name.endsWith('.gguf')) return fromGguf(path, options)
  if (/\.(pt|pth|ckpt)$/.test(name)) throw pickled(path)
  if (name.endsWith('.bin')) return fromLlama2c(path, options)
  throw new UnsupportedError(
    `[models/open-model] expected a .safetensors, .safetensors.index.json, .gguf or llama2.c .bin file, got ${path}`,
  )
}

async function fromShards(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  const file = await openSafetensorsIndex(path, options)
  return orClose(file, async () => {
    const { weight_map: map } = JSON.parse((await readTextIfThere(path, options))!) as {
      weight_map: Record<string, string>
    }
    const shards = [...new Set(Object.values(map))].map(shard => beside(path, shard))
    return { ...(await fromSafetensors(file, path, shards, options)), files: [...shards, path] }
  })
}

async function fromSafetensors(
  file: SafetensorsFile,
  path: Place,
  files: readonly Place[],
  options: OpenModelOptions,
): Promise<ModelFile> {
  const { kinds = coreKinds } = options
  return orClose(file, async () => {
    const inside = file.metadata.get('config')
    const text = inside ?? (await readTextIfThere(beside(path, 'config.json'), options))
    const json = text === undefined ? undefined : parseConfig(text, path)
    const config = json === undefined ? undefined : configFromHuggingFace(json)
    const names = weightNames(file)
    return {
      ...described(config, text),
      ...{ from: path, files },
      names,
      quantizedBy: foreignQuantization(json, names),
      fileBytes: await bytesOfFiles(files, options),
      info: name => weightInfo(file, name),
      load: name => loadWeight(file, name, { kinds }),
      companions: () => companionsBeside(path, config, options),
      openTokenizer: () => tokenizerBeside(path, config?.vocabSize, options),
      close: () => file.close(),
    }
  })
}

async function fromGguf(path: Place, options: SourceOptions): Promise<ModelFile> {
  const file = await openGguf(path, options)
  return orClose(file, async () => {
    requireWhole(file)
    const config = configFromGguf(file)
    const stored = ggufNames(config)
    const inside = (name: string) => stored.get(name) ?? name
    return {
      ...described(config),
      ...{ from: path, files: [path] },
      names: [...stored].filter(([, name]) => file.tensors.has(name)).map(([name]) => name),
      fileBytes: await bytesOfFiles([path], options),
      info(name) {
        const { type, dims, byteLength, ggmlType } = infoOf(file.tensors, inside(name), path)
        // Blocks take less than what they decode to.
        const plain = type !== undefined && byteLength === bytesOf(type, sizeOf(dims))
        return { type, dims, byteLength, compressed: plain ? undefined : ggmlType }
      },
      async load(name) {
        infoOf(file.tensors, inside(name), path)
        return file.read(inside(name))
      },
      async companions() {
        if (!holdsTokenizer(file.metadata)) return companionsBeside(path, config, options)
        return new Map([[VOCABULARY, await file.metadataFile()]])
      },
      async openTokenizer() {
        return holdsTokenizer(file.metadata)
          ? ggufTokenizer(file.metadata)
          : tokenizerBeside(path, config.vocabSize, options)
      },
      close: () => file.close(),
    }
  })
}

async function fromLlama2c(path: Place, options: SourceOptions): Promise<ModelFile> {
  if (isPickle(await startOf(path, PICKLE.length, options))) throw pickled(path)
  const file = await openLlama2c(path, options)
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
  return orClose(file, async () => ({
    ...described(config),
    ...{ from: path, files: [path] },
    names: [...file.tensors.keys()],
    fileBytes: await bytesOfFiles([path], options),
    info: name => infoOf(file.tensors, name, path),
    load: name => file.read(name),
    companions: () => companionsBeside(path, config, options),
    openTokenizer: () => tokenizerBeside(path, config?.vocabSize, options),
    close: () => file.close(),
  }))
}

/** A zip archive, as PyTorch has written since 1.6. */
const PICKLE = Uint8Array.of(0x50, 0x4b, 3, 4)

function isPickle(start: Uint8Array): boolean {
  return PICKLE.every((byte, i) => start[i] === byte)
}

/** A folder of PyTorch weights is told as what it is. */
async function refusePickles(folder: Place): Promise<void> {
  for (const name of ['pytorch_model.bin', 'pytorch_model.bin.index.json']) {
    const path = inFolder(folder, name)
    if (await isThere(path)) throw pickled(path)
  }
}

function pickled(path: Place): UnsupportedError {
  return new UnsupportedError(
    `[models/open-model] expected safetensors, got PyTorch's pickled weights in ${path}; convert them to safetensors first`,
  )
}

/** What follows from a configuration, and how it is written where it was not text. */
function described(config: LlamaConfig | undefined, text?: string) {
  if (config === undefined) return { config, configText: undefined, shapes: undefined }
  return {
    config,
    configText: text ?? JSON.stringify(configToHuggingFace(config)),
    shapes: weightShapes(config),
  }
}

function infoOf<Info extends TensorInfo>(
  tensors: ReadonlyMap<string, Info>,
  name: string,
  path: Place,
): Info {
  const info = tensors.get(name)
  if (info === undefined) throw new FormatError(`[models/open-model] ${path} has no weight '${name}'`)
  return info
}

/** What `parse` gives; where it throws, the file is closed. */
async function orClose<T>(file: { close(): Promise<void> }, parse: () => Promise<T>): Promise<T> {
  try {
    return await parse()
  } catch (error) {
    await file.close()
    throw error
  }
}

function parseConfig(text: string, path: Place): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FormatError(`[models/open-model] expected JSON in the configuration of ${path}`)
  }
}
