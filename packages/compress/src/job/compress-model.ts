import {
  byteLength,
  type Encoded,
  isEncoded,
  isFloat,
  type JobOptions,
  sizeOf,
  type Tensor,
  TersorError,
  toFloat32,
  UnsupportedError,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { weightSnr } from '@tersor/eval'
import { createSafetensorsWriter, type SafetensorsWriter } from '@tersor/formats'
import { checkModel, configToHuggingFace, loadModel, type ModelFile } from '@tersor/models'
import { float8, gptq, nf4, quantEase, rtn } from '@tersor/quantize'
import { calibrateBlocks } from '../calibration/calibrate-blocks.ts'
import type { Outcome, TensorOutcome } from './plain-outcome.ts'
import { type Method, methodName, planRecipe, type Recipe } from './plain-recipe.ts'

export interface CompressOptions extends JobOptions {
  /** Token windows that calibrated methods run the model on. */
  calibration?: readonly Int32Array[]
  /** Stops at the first tensor that a method cannot take, the default; else that tensor falls back to float16. */
  strict?: boolean
}

export interface CompressResult {
  readonly tensors: readonly TensorOutcome[]
  /** What the weights take, metadata included. */
  readonly bytes: number
  /** What the file takes: the weights, its header and alignment. */
  readonly fileBytes: number
  readonly bitsPerWeight: number
}

/** The largest float16. */
const MAX_FLOAT16 = 65504

/**
 * Runs a recipe over a model and writes the result as one safetensors file with the configuration
 * inside. Data-free methods hold one tensor at a time; calibrated ones the model and one block's
 * statistics. Vectors, and matrices that no rule names, are stored in float16.
 *
 * @param path  replaced only when everything is written
 * @returns what became of every tensor, in the order of the model
 * @throws {UnsupportedError} when a weight is compressed already, or calibration lacks a model or text
 * @throws {TersorError} whatever a method throws, when `strict`
 */
export async function compressModel(
  file: ModelFile,
  recipe: Recipe,
  path: string,
  options: CompressOptions = {},
): Promise<CompressResult> {
  checkModel(file)
  const plan = planRecipe(recipe, file.names)
  const writer = await createSafetensorsWriter(path)
  const job = new Job(file, plan, writer, options)
  try {
    if ([...plan.values()].some(({ method }) => method === 'gptq')) await job.walkBlocks()
    await job.walkTensors()
    const metadata =
      file.config === undefined ? {} : { config: JSON.stringify(configToHuggingFace(file.config)) }
    const { fileBytes } = await writer.finish({ format: 'pt', ...metadata })
    return job.result(fileBytes)
  } catch (error) {
    await writer.abort()
    throw error
  }
}

class Job {
  readonly #file: ModelFile
  readonly #plan: ReadonlyMap<string, Method>
  readonly #writer: SafetensorsWriter
  readonly #options: CompressOptions
  readonly #done = new Map<string, TensorOutcome>()

  constructor(
    file: ModelFile,
    plan: ReadonlyMap<string, Method>,
    writer: SafetensorsWriter,
    options: CompressOptions,
  ) {
    this.#file = file
    this.#plan = plan
    this.#writer = writer
    this.#options = options
  }

  /** Calibrated methods: block by block, each compressed before the next one's inputs are computed. */
  async walkBlocks(): Promise<void> {
    const { calibration, signal } = this.#options
    if (calibration === undefined) {
      throw new UnsupportedError(
        '[cli/job] expected calibration text for a calibrated method, got none; pass some, or use rtn',
      )
    }
    const model = await loadModel(this.#file)
    await calibrateBlocks(
      model,
      calibration,
      { statistics: name => (this.#plan.get(name)?.method === 'gptq' ? ['gram'] : []), head: true, signal },
      async ({ weights, statistics }) => {
        const replaced = new Map<string, Tensor | Encoded>()
        for (const name of weights.keys()) {
          const weight = await this.#file.load(name)
          replaced.set(name, await this.#compress(name, weight, statistics.get(name)?.gram))
        }
        return replaced
      },
    )
  }

  /** Everything that is not done yet, one tensor in memory at a time. */
  async walkTensors(): Promise<void> {
    for (const name of this.#file.names) {
      this.#options.signal?.throwIfAborted()
      if (!this.#done.has(name)) await this.#compress(name, await this.#file.load(name), undefined)
    }
  }

  result(fileBytes: number): CompressResult {
    const tensors = this.#file.names.map(name => this.#done.get(name) as TensorOutcome)
    const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
    const elements = tensors.reduce((sum, tensor) => sum + sizeOf(tensor.dims), 0)
    return { tensors, bytes, fileBytes, bitsPerWeight: elements === 0 ? 0 : (8 * bytes) / elements }
  }

  /** Compresses one tensor, writes it and records what became of it. */
  async #compress(
    name: string,
    weight: Tensor | Encoded,
    gram: Tensor | undefined,
  ): Promise<Tensor | Encoded> {
    const { stored, outcome } = await this.#apply(name, weight, gram)
    await this.#writer.write(name, stored)
    const elements = sizeOf(weight.dims)
    const bytes = byteLength(stored)
    const snr = isEncoded(weight) ? Infinity : weightSnr(weight, stored)
    const size = {
      bytes,
      bitsPerWeight: elements === 0 ? 0 : (8 * bytes) / elements,
      snr: Number.isFinite(snr) ? snr : null,
    }
    this.#done.set(name, { name, dims: weight.dims, ...size, ...outcome })
    this.#options.onProgress?.(this.#done.size, this.#file.names.length)
    return stored
  }

  async #apply(
    name: string,
    weight: Tensor | Encoded,
    gram: Tensor | undefined,
  ): Promise<{ stored: Tensor | Encoded; outcome: Outcome }> {
    if (isEncoded(weight)) {
      throw new UnsupportedError(
        `[cli/job] expected the uncompressed model, but '${name}' is stored as '${weight.encoding.kind}'; start from the original`,
      )
    }
    const method = this.#plan.get(name)
    if (!isFloat(weight.type))
      return {
        stored: weight,
        outcome: { outcome: 'skipped', reason: `${weight.type} numbers are kept as they are` },
      }
    if (weight.dims.length < 2) return kept(weight, 'a vector does not fit blocks')
    if (method === undefined) return kept(weight, 'no rule names it')
    if (method.method === 'float16') return kept(weight, 'the recipe says float16')
    try {
      const stored = await runMethod(method, weight, gram, name, this.#options)
      return { stored, outcome: { outcome: 'quantised', method: methodName(method) } }
    } catch (error) {
      if (this.#options.strict !== false || !(error instanceof TersorError)) throw error
      const { stored } = kept(weight, '')
      return { stored, outcome: { outcome: 'fellBack', method: 'float16', reason: error.message } }
    }
  }
}

/** The options of a method alone. */
function plain<M extends Method & { sweeps?: number }>({ method: _, sweeps: __, ...options }: M) {
  return options
}

async function runMethod(
  method: Method,
  weight: Tensor,
  gram: Tensor | undefined,
  name: string,
  { signal }: JobOptions,
): Promise<Encoded> {
  switch (method.method) {
    case 'rtn':
      return rtn(weight, plain(method))
    case 'nf4':
      return nf4(weight, plain(method))
    case 'float8':
      return float8(weight, plain(method))
    case 'gptq': {
      if (gram === undefined) {
        throw new UnsupportedError(
          `[cli/job] no linear layer reads '${name}', so gptq has no statistics of it; give it a rule of its own, such as rtn`,
        )
      }
      const job = signal === undefined ? {} : { signal }
      const start = await gptq(weight, gram, { ...plain(method), name, ...job })
      return method.sweeps === undefined
        ? start
        : quantEase(weight, start, gram, { sweeps: method.sweeps, ...job })
    }
    default:
      throw new UnsupportedError(`[cli/job] expected a method that compresses, got '${method.method}'`)
  }
}

/** A tensor in float16, or as it is where float16 is no smaller or cannot hold it. */
function kept(weight: Tensor, why: string): { stored: Tensor; outcome: Outcome } {
  const narrow = weight.type !== 'float32' && weight.type !== 'float64'
  const fits = toFloat32(weight).every(value => !(Math.abs(value) > MAX_FLOAT16))
  const stored = narrow || !fits ? weight : cast(weight, 'float16')
  return { stored, outcome: { outcome: 'skipped', reason: `${why}; kept in ${stored.type}` } }
}
