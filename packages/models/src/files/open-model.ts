import {
  coreKinds,
  type Encoded,
  type Encoding,
  FormatError,
  type Tensor,
  TersorError,
  type Tokenizer,
  UnsupportedError,
} from '@tersor/core-tensor'
import {
  ConnectionError,
  type GgufFile,
  HttpStatusError,
  hubPlace,
  openGguf,
  openLlama2c,
  openSafetensors,
  openSafetensorsIndex,
  type SafetensorsFile,
  type SourceOptions,
  type WeightInfo,
} from '@tersor/formats'
import type { OnnxGraph } from '@tersor/formats/onnx'
import { languageModelIn } from '../architectures/language-model.ts'
import { llama2cConfig, llama2cNames } from '../architectures/llama.ts'
import { configFromGguf, configFromHuggingFace, configText } from '../architectures/read-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { weightShapes } from '../decoder/roles.ts'
import { isEncoder } from '../encoder/check-encoder.ts'
import { ggufTokenizer, holdsTokenizer } from '../tokenizers/gguf-tokenizer.ts'
import { tokenizerBeside } from '../tokenizers/open-tokenizer.ts'
import { companionsBeside, VOCABULARY } from './companions.ts'
import { ggufTensors, llama2cTensors, quantizedTensors, safetensorsTensors } from './file-tensors.ts'
import { foreignFormat, START_BYTES } from './foreign-format.ts'
import { loraAdapter } from './lora-adapter.ts'
import {
  beside,
  bytesOfFiles,
  filesIn,
  inFolder,
  isFolder,
  nameOf,
  type Place,
  placeOf,
  placeText,
  readTextIfThere,
  startOf,
  whyNotThere,
} from './model-files.ts'
import { type FileTensors, type LoadRows, ModelRoles, namesIn } from './model-roles.ts'
import { openNpzModel } from './open-npz-model.ts'
import { openOnnxModel } from './open-onnx-model.ts'
import { chooseWeights } from './pick-weights.ts'
import { poolingBeside } from './pooling-beside.ts'
import { quantizationOf, tensorShapes } from './quantization.ts'
import { isStatedBias } from './stated-biases.ts'
import { writtenNames } from './stored-name.ts'
import { weightsOnHub } from './weights-on-hub.ts'

/** What is read, for messages. */
const READ = "safetensors or an index of them, GGUF, ONNX, NumPy's .npz, or a .bin of llama2.c"

/** A model on disk or on a server: its weights are read one at a time, when they are asked for. */
export interface ModelFile {
  /** Undefined for a file of weights alone, and where it is not understood. */
  readonly config: DecoderConfig | undefined
  /** Why its configuration is not understood: then it can be looked into and not run, see `checkModel`. */
  readonly refusal?: TersorError | undefined
  /** The configuration as its file spells it, every key of it; of other formats as Hugging Face would. */
  readonly configText: string | undefined
  /** The weights that the configuration asks for, with their shapes. */
  readonly shapes: ReadonlyMap<string, readonly number[]> | undefined
  /** What was opened: a path or a URL, possibly of a folder. */
  readonly from: string | URL
  /** What its files are, whatever they are called. */
  readonly format: 'safetensors' | 'gguf' | 'onnx' | 'npz' | 'llama2c'
  /** The files that hold its weights, and the index of shards. */
  readonly files: readonly (string | URL)[]
  /** How those on servers were asked for, for whoever opens them again. */
  readonly opening?: Omit<SourceOptions, 'signal'> | undefined
  /** What the weights are called: by their roles, such as `layers.0.attention.query`; without a configuration as in the file. */
  readonly names: readonly string[]
  /** Roles that the configuration asks for and the file lacks. */
  readonly missing: readonly string[]
  /** Tensors that the model does not have, and that may change what it computes. */
  readonly unclaimed: readonly string[]
  /** Tensors of what sees and hears beside the language model, which is what is read. */
  readonly elsewhere: readonly string[]
  /** How another program quantized it, such as `gptq`, as its configuration says. */
  readonly quantizedBy?: string | undefined
  /** Why what another program quantized cannot be read: then it can be looked into and not run, see `checkModel`. */
  readonly unread?: TersorError | undefined
  /** What an ONNX model computes, which is not run here. */
  readonly graph?: OnnxGraph | undefined
  /** Bytes of the weight files, headers and alignment included. */
  readonly fileBytes: number
  /**
   * What is known of a weight before it is loaded.
   *
   * @throws {FormatError} when there is none of that name
   */
  info(name: string): WeightInfo
  /** A weight, compressed as it is stored; rows of fused matrices, and q and k of GGUF files in the order of Hugging Face's. */
  load(name: string, options?: LoadRows): Promise<Tensor | Encoded>
  /** Whether some rows of a weight are read without the others; else all are read for some too. */
  readsRows(name: string): boolean
  /** What a weight is called where it is written: as in Hugging Face's files, where it is a tensor of its own there. */
  storedName(name: string): string
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
 * Opens a model from a path (Node), a URL, or a name on the Hugging Face Hub (`hf:owner/name`): a folder or file of
 * safetensors (sharded or not, with a Hugging Face `config.json` beside it or the configuration that Tersor writes
 * inside), a GGUF file, a llama2.c `.bin`, or an ONNX model or a NumPy archive, whose weights keep their names. Of a folder
 * the one model that is in it is opened, by its index where there is one. The URL of a folder ends with a slash; of files on a
 * server, which has to support range requests, only what is loaded is read. Of a repository the one model that is in it is
 * opened; where there are several, name the file: `hf:owner/name/file.gguf`, or `hf:owner/name@revision/file.gguf`.
 *
 * @param options.fetch  what asks servers, such as one that adds a token to the headers
 * @param options.headers  for the server, such as an authorization; none goes to where it redirects to
 * @param options.hub  where names on the Hub lie, `https://huggingface.co` by default
 * @param options.cache  where whole files are kept, such as `folderCache('models')`; then a server need not know ranges
 * @param options.signal  aborts the opening
 * @throws {FormatError} when nothing is there, or the file is malformed
 * @throws {HttpStatusError} when a server says no, with its status
 * @throws {UnsupportedError} when it holds another architecture, or is of another format; from `load`, when
 *   the weight is of a kind that is not among `kinds`
 */
export async function openModel(from: string | URL, options: OpenModelOptions = {}): Promise<ModelFile> {
  const { fetch, headers, hub, retry, cache, onProgress } = options
  const file = await openPlace(placeOf(from, options), options)
  return { ...file, opening: { fetch, headers, hub, retry, cache, onProgress } }
}

async function openPlace(place: Place, options: OpenModelOptions): Promise<ModelFile> {
  if (!(await isFolder(place))) return openModelFile(place, options)
  return { ...(await openModelFile(await weightsIn(place, options), options)), from: place }
}

/** The file of weights in a folder, on disk, on the Hub or on another server. */
async function weightsIn(folder: Place, options: SourceOptions): Promise<Place> {
  if (!(folder instanceof URL)) return weightsOnDisk(folder)
  const onHub = hubPlace(folder, options)
  return onHub === undefined ? weightsOnServer(folder, options) : weightsOnHub(onHub, options)
}

async function weightsOnDisk(folder: string): Promise<Place> {
  const names = [...(await filesIn(folder))].sort()
  const read = (name: string) => readTextIfThere(inFolder(folder, name))
  return inFolder(folder, await chooseWeights(names, { folder: '', name: folder }, read))
}

/** A server does not list what is in a folder. */
async function weightsOnServer(folder: URL, options: SourceOptions): Promise<Place> {
  const reasons: string[] = []
  for (const name of ['model.safetensors.index.json', 'model.safetensors']) {
    const inside = inFolder(folder, name)
    const reason = await whyNotThere(inside, options)
    if (reason === undefined) return inside
    reasons.push(reason)
  }
  const refused = reasons.some(reason => /40[13]$/.test(reason))
  const advice = refused ? '; pass `headers` with a token that has the right to it' : ''
  throw new FormatError(
    `[models/open-model] expected model.safetensors.index.json or model.safetensors in ${placeText(folder)}, got ${reasons.join(' and ')}${advice}`,
  )
}

async function openModelFile(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  const open = openerOf(nameOf(path).toLowerCase()) ?? (await openerByStart(path, options))
  try {
    return await open(path, options)
  } catch (error) {
    // What a file is instead is asked only of one that is not what its name says.
    const malformed =
      error instanceof FormatError && !(error instanceof HttpStatusError || error instanceof ConnectionError)
    throw malformed ? ((await foreign(path, options)) ?? error) : error
  }
}

function openerOf(name: string) {
  if (name.endsWith('.safetensors')) return fromOneFile
  if (name.endsWith('.safetensors.index.json')) return fromShards
  if (name.endsWith('.gguf')) return fromGguf
  if (name.endsWith('.onnx')) return openOnnxModel
  if (name.endsWith('.npz')) return openNpzModel
  return name.endsWith('.bin') ? fromLlama2c : undefined
}

/**
 * For a file whose name does not say what it is, as those that Ollama keeps.
 *
 * @throws {UnsupportedError} when it is nothing that is read here
 */
async function openerByStart(path: Place, options: OpenModelOptions) {
  const start = await startOf(path, 9, options)
  if (String.fromCharCode(...start.subarray(0, 4)) === 'GGUF') return fromGguf
  // The length of the header, which ends with zeros, and its brace.
  if (start[8] === 0x7b && start[6] === 0 && start[7] === 0) return fromOneFile
  throw (await foreign(path, options)) ?? unknown(path)
}

/** What is said of a file of another format; undefined where it is not known what it is. */
async function foreign(path: Place, options: OpenModelOptions): Promise<UnsupportedError | undefined> {
  // A file that was refused is not downloaded again for this.
  const start = await startOf(path, START_BYTES, { ...options, cache: undefined }).catch(() => undefined)
  const format = start === undefined ? undefined : foreignFormat(start, nameOf(path))
  if (format === undefined) return undefined
  return new UnsupportedError(
    `[models/open-model] expected ${READ}, got ${format.what} in ${placeText(path)}; ${format.remedy}`,
  )
}

function unknown(path: Place): UnsupportedError {
  return new UnsupportedError(
    `[models/open-model] expected ${READ}, got ${placeText(path)}, which is none of these`,
  )
}

async function fromOneFile(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  return fromSafetensors(await openSafetensors(path, options), path, [path], options)
}

async function fromShards(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  const file = await openSafetensorsIndex(path, options)
  return orClose(file, async () => {
    const { weight_map: map } = JSON.parse((await readTextIfThere(path, options))!) as {
      weight_map: Record<string, string>
    }
    const places = Object.values(map).map(shard => beside(path, shard))
    const shards = [...new Map(places.map(place => [String(place), place])).values()]
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
    const written = file.metadata.get('config')
    const text = written ?? (await readTextIfThere(beside(path, 'config.json'), options))
    const json = text === undefined ? undefined : parseConfig(text, path)
    const plain = safetensorsTensors(file, kinds)
    const adapter = loraAdapter(plain.names)
    const { config, refusal } =
      json === undefined || adapter !== undefined
        ? { refusal: adapter }
        : await understood(() => configBeside(json, path, options))
    const shapes =
      config === undefined ? new Map() : tensorShapes(config, namesIn(config, 'huggingFace', plain))
    const { by, weights, unread } = await quantizationOf(file, json, {
      names: plain.names,
      shapes,
      path,
      options,
    })
    const tensors = weights === undefined ? plain : quantizedTensors(plain, weights)
    const inside = config === undefined ? undefined : languageModelIn(json as Json)
    const described = describe(config, refusal, tensors, { text, json: inside })
    return {
      ...described,
      ...{ format: 'safetensors' as const, from: path, files },
      ...{ quantizedBy: by, unread },
      fileBytes: await bytesOfFiles(files, options),
      companions: () => companionsBeside(path, config, options),
      openTokenizer: () => tokenizerBeside(path, config?.vocabSize, options),
      close: () => file.close(),
    }
  })
}

/** The configuration in a config.json, and how an encoder pools, which stands in files beside it. */
async function configBeside(json: unknown, path: Place, options: SourceOptions): Promise<DecoderConfig> {
  const config = configFromHuggingFace(json)
  const pooling = isEncoder(config) ? await poolingBeside(path, options) : undefined
  return pooling === undefined ? config : { ...config, pooling }
}

async function fromGguf(path: Place, options: SourceOptions): Promise<ModelFile> {
  const file = await openGguf(path, options)
  return orClose(file, async () => {
    const { config, refusal } = await understood(() => configFromGguf(file))
    return {
      ...describe(config, refusal, ggufTensors(file)),
      ...{ format: 'gguf' as const, from: path, files: partsOf(file, path) },
      fileBytes: await bytesOfFiles(partsOf(file, path), options),
      async companions() {
        if (!holdsTokenizer(file.metadata)) return companionsBeside(path, config, options)
        return new Map([[VOCABULARY, await file.metadataFile()]])
      },
      async openTokenizer() {
        return holdsTokenizer(file.metadata)
          ? ggufTokenizer(file.metadata, file.notUtf8)
          : tokenizerBeside(path, config?.vocabSize, options)
      },
      close: () => file.close(),
    }
  })
}

/** The files of a model that was split into several. */
function partsOf({ parts }: GgufFile, path: Place): readonly Place[] {
  const places = parts.filter((part): part is Place => typeof part === 'string' || part instanceof URL)
  return places.length === parts.length ? places : [path]
}

async function fromLlama2c(path: Place, options: SourceOptions): Promise<ModelFile> {
  const file = await openLlama2c(path, options)
  return orClose(file, async () => {
    const config = llama2cConfig(file.config)
    const roles = new ModelRoles(config, llama2cTensors(file), {
      names: llama2cNames(config),
      written: writtenNames(config),
    })
    return {
      ...ofRoles(config, roles, configText(config)),
      ...{ format: 'llama2c' as const, from: path, files: [path] },
      fileBytes: await bytesOfFiles([path], options),
      companions: () => companionsBeside(path, config, options),
      openTokenizer: () => tokenizerBeside(path, config?.vocabSize, options),
      close: () => file.close(),
    }
  })
}

/** A configuration, or why it is not understood: then the file can be looked into all the same. */
async function understood(
  read: () => DecoderConfig | Promise<DecoderConfig>,
): Promise<{ config?: DecoderConfig; refusal?: TersorError }> {
  try {
    return { config: await read() }
  } catch (error) {
    if (error instanceof TersorError) return { refusal: error }
    throw error
  }
}

type Json = Readonly<Record<string, unknown>>

type Described = Pick<
  ModelFile,
  | 'config'
  | 'refusal'
  | 'configText'
  | 'shapes'
  | 'names'
  | 'missing'
  | 'unclaimed'
  | 'elsewhere'
  | 'info'
  | 'load'
  | 'readsRows'
  | 'storedName'
>

/** The weights by their roles where the configuration is understood, else as the file has them. */
function describe(
  config: DecoderConfig | undefined,
  refusal: TersorError | undefined,
  file: FileTensors,
  { text, json }: { text?: string | undefined; json?: Json | undefined } = {},
): Described {
  if (config === undefined) {
    return {
      ...{ config, refusal, configText: text, shapes: undefined },
      ...{ names: file.names, missing: [], unclaimed: [], elsewhere: [] },
      info: name => file.info(name),
      load: (name, { rows } = {}) => file.load(name, rows),
      readsRows: name => file.readsRows(name),
      storedName: name => name,
    }
  }
  const kind = text === undefined ? 'gguf' : 'huggingFace'
  const names = { names: namesIn(config, kind, file), written: writtenNames(config) }
  const roles = new ModelRoles(config, file, names, bias => json !== undefined && isStatedBias(json, bias))
  return ofRoles(config, roles, text ?? configText(config))
}

function ofRoles(config: DecoderConfig, roles: ModelRoles, text: string): Described {
  const { names, missing, unclaimed, elsewhere } = roles
  return {
    ...{ config, refusal: undefined, configText: text, shapes: weightShapes(config) },
    ...{ names, missing, unclaimed, elsewhere },
    info: name => roles.info(name),
    load: (name, options) => roles.load(name, options),
    readsRows: name => roles.readsRows(name),
    storedName: name => roles.storedName(name),
  }
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
    throw new FormatError(`[models/open-model] expected JSON in the configuration of ${placeText(path)}`)
  }
}
