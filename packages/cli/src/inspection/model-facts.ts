import { TersorError, type TokenizerKind } from '@tersor/core-tensor'
import type { TensorSize } from '@tersor/eval'
import { cacheBytes, checkModel, isEncoder, type ModelFile } from '@tersor/models'
import { type GraphFacts, graphFacts } from './graph-facts.ts'
import { type MixerRun, mixerRuns } from './mixer-runs.ts'

/** Tokens whose cache is told, to be multiplied. */
const THOUSAND = 1000

/** What a file is, as a whole. */
export interface ModelFacts {
  /** The family that it is read as; null where there is no configuration, or none that is understood. */
  readonly architecture: string | null
  /** What it makes of text; null likewise. */
  readonly makes: 'text' | 'embeddings' | null
  readonly parameters: number
  readonly layout: Layout
  /** What an ONNX model computes; null of other formats. */
  readonly graph: GraphFacts | null
  readonly tokenizer: TokenizerFacts | null
  /** Tokens that it was made for. */
  readonly context: number | null
  readonly vocabulary: number | null
  readonly hiddenSize: number | null
  /** What mixes tokens, and in how many layers. */
  readonly mixers: readonly MixerRun[]
  readonly memory: Memory
  /** How another program quantized it. */
  readonly quantizedBy: string | null
  readonly missing: readonly string[]
  readonly unclaimed: readonly string[]
  /** Why it cannot be run. */
  readonly problem: string | null
}

interface Layout {
  readonly format: ModelFile['format']
  /** Files that hold weights. */
  readonly files: number
  /** What weights are stored as, most bytes first. */
  readonly types: readonly StoredType[]
}

interface StoredType {
  readonly type: string
  readonly weights: number
  readonly elements: number
  readonly bytes: number
  readonly bitsPerWeight: number
}

/** What turns text into tokens, or why it cannot be read. */
type TokenizerFacts =
  | {
      readonly kind: TokenizerKind | null
      readonly tokens: number
      readonly addsBos: boolean
      readonly chatTemplate: boolean
    }
  | { readonly problem: string }

/** Bytes. */
interface Memory {
  readonly weights: number
  /** Of keys, values and states in float32, the first thousand tokens; null where none is needed. */
  readonly cacheOfThousandTokens: number | null
  readonly cacheOfContext: number | null
}

/** Reads the header, the configuration and the tokenizer of a file, and no weight. */
export async function modelFacts(file: ModelFile, sizes: readonly TensorSize[]): Promise<ModelFacts> {
  const { config, quantizedBy = null, missing, unclaimed } = file
  return {
    architecture: config?.architecture ?? null,
    makes: config === undefined ? null : isEncoder(config) ? 'embeddings' : 'text',
    parameters: sizes.reduce((sum, { elements }) => sum + elements, 0),
    layout: layoutOf(file, sizes),
    graph: file.graph === undefined ? null : graphFacts(file.graph),
    tokenizer: await tokenizerOf(file),
    context: config?.contextLength ?? null,
    vocabulary: config?.vocabSize ?? null,
    hiddenSize: config?.hiddenSize ?? null,
    mixers: mixerRuns(config?.mixers ?? []),
    memory: memoryOf(file, sizes),
    ...{ quantizedBy, missing, unclaimed },
    problem: problemOf(file),
  }
}

function layoutOf({ format, files }: ModelFile, sizes: readonly TensorSize[]): Layout {
  const weightFiles = files.filter(name => !String(name).endsWith('.index.json'))
  return { format, files: weightFiles.length, types: typesOf(sizes) }
}

function typesOf(sizes: readonly TensorSize[]): readonly StoredType[] {
  const types = new Map<string, Omit<StoredType, 'bitsPerWeight'>>()
  for (const { encoding, elements, bytes } of sizes) {
    const before = types.get(encoding) ?? { type: encoding, weights: 0, elements: 0, bytes: 0 }
    types.set(encoding, {
      type: encoding,
      weights: before.weights + 1,
      elements: before.elements + elements,
      bytes: before.bytes + bytes,
    })
  }
  return [...types.values()]
    .map(type => ({ ...type, bitsPerWeight: type.elements === 0 ? 0 : (8 * type.bytes) / type.elements }))
    .sort((a, b) => b.bytes - a.bytes)
}

async function tokenizerOf(file: ModelFile): Promise<TokenizerFacts | null> {
  try {
    const tokenizer = await file.openTokenizer()
    if (tokenizer === undefined) return null
    const { kind = null, vocabSize, addsBos, chatTemplate } = tokenizer
    return { kind, tokens: vocabSize, addsBos, chatTemplate: chatTemplate !== undefined }
  } catch (error) {
    if (error instanceof TersorError) return { problem: error.message }
    throw error
  }
}

function memoryOf({ config }: ModelFile, sizes: readonly TensorSize[]): Memory {
  const weights = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
  if (config === undefined || isEncoder(config)) {
    return { weights, cacheOfThousandTokens: null, cacheOfContext: null }
  }
  const { mixers, contextLength } = config
  return {
    weights,
    cacheOfThousandTokens: cacheBytes(mixers, THOUSAND),
    cacheOfContext: cacheBytes(mixers, contextLength),
  }
}

/** Why a model can be looked into only, in words. */
function problemOf(file: ModelFile): string | null {
  try {
    checkModel(file)
    if (file.graph !== undefined) return 'it is an ONNX graph, which ONNX Runtime runs'
    return file.config === undefined
      ? 'it has no configuration, inside or beside it, that says what its weights are'
      : null
  } catch (error) {
    if (error instanceof TersorError) return error.message
    throw error
  }
}
