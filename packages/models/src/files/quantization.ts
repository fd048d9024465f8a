import { TersorError, UnsupportedError } from '@tersor/core-tensor'
import {
  type QuantizedWeights,
  quantizationConfig,
  quantizedWeights,
  type SafetensorsFile,
  type SourceOptions,
} from '@tersor/formats'
import type { DecoderConfig } from '../decoder/config.ts'
import { weightShapes } from '../decoder/roles.ts'
import { foreignTensors } from './foreign-tensors.ts'
import { beside, type Place, readTextIfThere } from './model-files.ts'
import { type Names, type Source, tensorsOfSource } from './sources.ts'
import { placeOfName } from './stored-name.ts'

/** What is known of how another program quantized a checkpoint. */
export interface Quantization {
  /** As its configuration says it: `gptq`, `compressed-tensors`, … */
  readonly by?: string | undefined
  /** Its weights, where the layout is known. */
  readonly weights?: QuantizedWeights | undefined
  /** Why they are not, where it is not. */
  readonly unread?: TersorError | undefined
}

/** The dtypes of weights that nobody quantized. */
const PLAIN = ['F64', 'F32', 'F16', 'BF16']

/**
 * Finds the weights that another program quantized.
 *
 * @param json  the parsed `config.json`, where there is one
 * @param names  of the tensors that are no parts of Tersor's own encodings
 * @param shapes  what the tensors' shapes are in the model that is not quantized, as far as they are known
 */
export async function quantizationOf(
  file: SafetensorsFile,
  json: unknown,
  { names, shapes, path, options }: Surroundings,
): Promise<Quantization> {
  const betrayed = foreignTensors(names)
  const isStated = quantizationConfig(json) !== undefined
  const config = isStated || betrayed === undefined ? json : await configBeside(path, options)
  const by = quantizationConfig(config)?.method
  if (by === undefined && betrayed === undefined) return {}
  try {
    const weights = quantizedWeights(file, config, { dimsOf: name => shapes.get(name) })
    const rest = names.filter(name => weights?.tensors.has(name) !== true)
    const left = foreignTensors(rest) ?? bareCodes(file, rest)
    if (left !== undefined) return { by: by ?? left, unread: notUnderstood(by, left) }
    return weights?.weights.size === 0 ? {} : { by, weights }
  } catch (error) {
    if (error instanceof TersorError) return { by, unread: error }
    throw error
  }
}

interface Surroundings {
  readonly names: readonly string[]
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly path: Place
  readonly options: SourceOptions
}

/** The dtype of a matrix that no layout claims, and that is not one of floats: codes, whose scales nobody found. */
function bareCodes({ tensors }: SafetensorsFile, names: readonly string[]): string | undefined {
  const found = names
    .map(name => tensors.get(name))
    .find(info => info !== undefined && info.dims.length > 1 && !PLAIN.includes(info.dtype))
  return found && `${found.dtype} without scales`
}

function notUnderstood(by: string | undefined, left: string): UnsupportedError {
  const got =
    by === undefined
      ? `tensors of ${left} and no quantization_config that says how`
      : `tensors of ${left} that are in no layout of '${by}'`
  return new UnsupportedError(
    `[models/open-model] expected a checkpoint that is quantized in a way that is known, got ${got}; put its config.json beside it, or start from the original model`,
  )
}

/** Older GPTQ models have a `quantize_config.json`, those of ModelOpt a `hf_quant_config.json`. */
async function configBeside(path: Place, options: SourceOptions): Promise<unknown> {
  for (const [name, method] of [
    ['quantize_config.json', 'gptq'],
    ['hf_quant_config.json', 'modelopt'],
  ] as const) {
    const text = await readTextIfThere(beside(path, name), options)
    if (text === undefined) continue
    try {
      const settings = JSON.parse(text) as object
      return { quantization_config: { quant_method: method, ...settings } }
    } catch {
      throw new UnsupportedError(`[models/open-model] expected JSON in ${beside(path, name)}`)
    }
  }
  return undefined
}

/** What shape the tensors of a file have by a model's configuration, of fused ones too. */
export function tensorShapes(config: DecoderConfig, names: Names): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  for (const [role, dims] of weightShapes(config)) {
    const placed = placeOfName(names, role)
    const shape = placed && shapeIn(placed.source, dims)
    const [tensor] = placed === undefined ? [] : tensorsOfSource(placed, 'weight')
    if (shape !== undefined && tensor !== undefined) shapes.set(tensor, shape)
  }
  return shapes
}

/** The shape of the tensor that a weight of some shape is a part of; undefined where that is not one matrix. */
function shapeIn(source: Source, dims: readonly number[]): readonly number[] | undefined {
  if (typeof source === 'string' || 'tensor' in source) return dims
  if ('transposed' in source) return shapeIn(source.transposed, [...dims].reverse())
  if ('rows' in source) {
    const { parts, from, to = from + 1 } = source
    const [rows = 0, ...rest] = dims
    return shapeIn(source.rows, [(rows * parts) / (to - from), ...rest])
  }
  return undefined
}
