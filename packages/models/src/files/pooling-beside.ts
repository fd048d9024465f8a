import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { SourceOptions } from '@tersor/formats'
import type { Pooling, PoolingKind } from '../encoder/pooling.ts'
import { beside, type Place, readTextIfThere } from './model-files.ts'

const MODULES = 'modules.json'
const TRANSFORMER = 'sentence_bert_config.json'
const PROMPTS = 'config_sentence_transformers.json'
/** The folders that sentence-transformers names itself; another may be a way out of the model's folder. */
const FOLDER = /^\d+_Pooling$/

type Json = Readonly<Record<string, unknown>>

/**
 * How an encoder pools, as the files of sentence-transformers beside it say; undefined where there are none.
 *
 * @throws {UnsupportedError} for modules behind the encoder that are not known, such as a linear layer
 * @throws {FormatError} when a file is malformed
 */
export async function poolingBeside(path: Place, options: SourceOptions): Promise<Pooling | undefined> {
  const read = (name: string) => readJson(path, name, options)
  const [modules, transformer, prompts] = [await read(MODULES), await read(TRANSFORMER), await read(PROMPTS)]
  if (modules === undefined) return undefined
  const { folder, normalize } = modulesIn(modules)
  const pooling = folder === undefined ? undefined : await read(`${folder}/config.json`)
  const own = asObject(pooling ?? {}, `${folder}/config.json`)
  return {
    kind: kindIn(own),
    normalize,
    maxTokens: maxTokensIn(asObject(transformer ?? {}, TRANSFORMER)),
    prompt: promptIn(asObject(prompts ?? {}, PROMPTS), own),
  }
}

/** The files that {@link poolingBeside} reads, as far as they are there, relative to the weights. */
export async function poolingFiles(path: Place, options: SourceOptions): Promise<readonly string[]> {
  const modules = await readJson(path, MODULES, options)
  if (modules === undefined) return []
  const { folder } = modulesIn(modules)
  return [MODULES, TRANSFORMER, PROMPTS, ...(folder === undefined ? [] : [`${folder}/config.json`])]
}

/** What stands behind the transformer. */
function modulesIn(modules: unknown): { folder: string | undefined; normalize: boolean } {
  if (!Array.isArray(modules))
    throw new FormatError(`[models/pooling] expected a list in ${MODULES}, got ${typeof modules}`)
  const found = modules.map(module => {
    const { type, path } = asObject(module, MODULES)
    return { type: String(type).split('.').at(-1)!, path: String(path ?? '') }
  })
  const types = found.map(({ type }) => type).join(', ')
  if (!/^Transformer(, Pooling)?(, Normalize)?$/.test(types)) {
    throw new UnsupportedError(
      `[models/pooling] expected Transformer, Pooling and Normalize in ${MODULES}, got ${types.slice(0, 120)}; embeddings of models with other parts would be wrong`,
    )
  }
  const folder = found.find(({ type }) => type === 'Pooling')?.path
  if (folder !== undefined && !FOLDER.test(folder))
    throw new FormatError(
      `[models/pooling] expected a folder such as 1_Pooling in ${MODULES}, got '${folder}'`,
    )
  return { folder, normalize: types.endsWith('Normalize') }
}

const KINDS = new Map<string, PoolingKind>([
  ['cls', 'cls'],
  ['mean', 'mean'],
  ['max', 'max'],
])

/** Newer files name the mode; older ones have a flag for each, such as `pooling_mode_mean_tokens`. */
function kindIn(own: Json): PoolingKind {
  const flags = Object.keys(own).filter(key => key.startsWith('pooling_mode_') && own[key] === true)
  const said = typeof own.pooling_mode === 'string' ? [own.pooling_mode] : flags
  if (said.length === 0) return 'mean'
  const kind = KINDS.get(said[0]!.replace(/^pooling_mode_|_tokens?$/g, ''))
  if (said.length === 1 && kind !== undefined) return kind
  throw new UnsupportedError(
    `[models/pooling] expected pooling by mean, cls or max, got ${said.join(' and ')}; pass \`pooling\` of your own to embedTexts after taking that file away`,
  )
}

function maxTokensIn({ max_seq_length: most, do_lower_case: lower }: Json): number | undefined {
  if (lower === true) {
    throw new UnsupportedError(
      `[models/pooling] expected do_lower_case to be false in ${TRANSFORMER}, got true; lower the texts yourself after changing it`,
    )
  }
  if (most === undefined || most === null) return undefined
  if (Number.isInteger(most) && Number(most) >= 1) return Number(most)
  throw new FormatError(
    `[models/pooling] expected a whole number max_seq_length in ${TRANSFORMER}, got ${JSON.stringify(most)?.slice(0, 80)}`,
  )
}

/** The text that sentence-transformers puts before all others, where a model asks for one. */
function promptIn(
  { default_prompt_name: name, prompts }: Json,
  { include_prompt: pooled }: Json,
): string | undefined {
  if (name === undefined || name === null) return undefined
  const prompt = asObject(prompts ?? {}, PROMPTS)[String(name)]
  if (typeof prompt !== 'string')
    throw new FormatError(`[models/pooling] expected a prompt '${String(name)}' in ${PROMPTS}, got none`)
  if (pooled === false) {
    throw new UnsupportedError(
      '[models/pooling] expected prompts that are pooled with the text, got include_prompt false',
    )
  }
  return prompt
}

async function readJson(path: Place, name: string, options: SourceOptions): Promise<unknown> {
  const text = await readTextIfThere(beside(path, name), options)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new FormatError(`[models/pooling] expected JSON in ${name}`, { cause })
  }
}

function asObject(value: unknown, where: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw new FormatError(
    `[models/pooling] expected an object in ${where}, got ${JSON.stringify(value)?.slice(0, 80)}`,
  )
}
