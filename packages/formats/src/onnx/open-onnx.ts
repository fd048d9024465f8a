import { FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import type { ModelProto } from 'onnx-buf'
import { findTensor } from '../find-tensor.ts'
import { quoted } from '../quoted.ts'
import {
  openSource,
  parseSource,
  type RandomAccess,
  type Source,
  type SourceOptions,
} from '../random-access.ts'
import { rowRange } from '../row-range.ts'
import { allocate } from '../sources/allocate.ts'
import { missingBeside } from '../sources/missing-beside.ts'
import { siblingOf } from '../sources/sibling-of.ts'
import type { ReadOptions, WeightFile } from '../weight-file.ts'
import { decodeVarints } from './decode-varints.ts'
import { describeGraph, type OnnxGraph } from './describe-graph.ts'
import { ADVICE } from './field-at.ts'
import { listTensors } from './list-tensors.ts'
import { type OnnxInfo, type PlacedTensor, placeTensor } from './place-tensor.ts'
import { skimModel } from './skim-model.ts'

const WHERE = 'formats/onnx'

/** Exporters write one, or one for each tensor, of which the largest models have some thousand; each is an open file. */
const MAX_LOCATIONS = 2 ** 14

/** Models before this version name no sets of operators. */
const FIRST_WITH_OPSETS = 3n

export interface OpenOnnxOptions extends SourceOptions {
  /**
   * Finds a file that holds tensors outside of the model's, by its path from the model's folder. Default: the file
   * there, where the model is a path or URL.
   */
  open?: ((location: string) => Source | Promise<Source>) | undefined
}

export interface OnnxFile extends WeightFile<OnnxInfo> {
  /** The model as ONNX's own message `ModelProto`, without the elements of tensors that take more than a kilobyte. */
  readonly model: ModelProto
  /** What it computes, in short. */
  readonly graph: OnnxGraph
  /** The files outside of the model's that hold tensors: paths from its folder on. */
  readonly locations: readonly string[]
}

/**
 * Opens an ONNX model of any size: reads everything but the elements of its tensors, and each tensor when it is
 * asked for. Tensors in files beside the model are found there when they are first read.
 *
 * Initializers have their own names, what a `Constant` node gives that of its output. Tensors in other attributes are
 * called `OUTPUT/ATTRIBUTE` by the first output of their node, and those of nested graphs, as of `If` and `Loop`,
 * `OUTPUT/ATTRIBUTE/NAME`; in a function `DOMAIN.FUNCTION/NAME`. Sparse tensors, strings and types that Tersor lacks
 * are listed.
 *
 * @throws {FormatError} when it is no ONNX model, lengths contradict shapes, or two tensors have the same name; from
 *   `read`, when the file beside it is missing or too short
 * @throws {UnsupportedError} from `read`, for what is listed only
 * @example
 * // A graph with one initializer, w = [1, 2], written by hand.
 * const w = [0x08, 2, 0x10, 1, 0x42, 1, 0x77, 0x4a, 8, 0, 0, 128, 63, 0, 0, 0, 64]
 * const graph = [0x2a, w.length, ...w]
 * const file = await openOnnx(Uint8Array.of(0x3a, graph.length, ...graph, 0x42, 2, 0x10, 21))
 * file.graph.opsets.get('ai.onnx') // => 21
 * const tensor = await file.read('w')
 * tensor.data // => Float32Array [1, 2]
 */
export function openOnnx(from: Source, options: OpenOnnxOptions = {}): Promise<OnnxFile> {
  return parseSource(from, options, async source => {
    const { model, runs } = await skimModel(source)
    requireWhole(model)
    const tensors = new Map<string, PlacedTensor>()
    for (const [name, tensor] of listTensors(model)) tensors.set(name, placeTensor(name, tensor, runs))
    const locations = [...new Set([...tensors.values()].flatMap(({ location }) => location ?? []))]
    if (locations.length > MAX_LOCATIONS) {
      throw new FormatError(
        `[${WHERE}] expected tensors in at most ${MAX_LOCATIONS} files, got ${locations.length}; save the model again with one`,
      )
    }
    const others = new OtherFiles(options.open ?? siblingOf(from, options, WHERE), options)
    return {
      ...{ model, graph: describeGraph(model), tensors, locations },
      async read(name, options = {}) {
        const tensor = findTensor(tensors, name, WHERE)
        const { location } = tensor
        return read(name, tensor, {
          ...options,
          source: location === undefined ? source : await others.at(location),
        })
      },
      close: async () => void (await Promise.all([source.close(), others.close()])),
    }
  })
}

/** The end of a file that was cut short may be that of a field. */
function requireWhole({ graph, irVersion, opsetImport }: ModelProto): void {
  const lacks =
    graph === undefined
      ? 'a graph'
      : opsetImport.length === 0 && irVersion >= FIRST_WITH_OPSETS
        ? 'versions of its operators'
        : undefined
  if (lacks !== undefined)
    throw new FormatError(`[${WHERE}] expected a model with ${lacks}, got none; ${ADVICE}`)
}

/** The files outside of the model's, each opened once, when it is asked for. */
class OtherFiles {
  readonly #find: (location: string) => Source | Promise<Source>
  readonly #options: SourceOptions
  readonly #opened = new Map<string, Promise<RandomAccess>>()

  constructor(find: (location: string) => Source | Promise<Source>, options: SourceOptions) {
    this.#find = find
    // The signal was that of opening.
    this.#options = { ...options, signal: undefined }
  }

  at(location: string): Promise<RandomAccess> {
    const opened = this.#opened.get(location)
    if (opened !== undefined) return opened
    const opening = this.#open(location)
    this.#opened.set(location, opening)
    // So that it can be tried again.
    opening.catch(() => this.#opened.delete(location))
    return opening
  }

  async #open(location: string): Promise<RandomAccess> {
    const missing = missingBeside(WHERE, `the file ${quoted(location)} in the folder of the model`)
    return openSource(await this.#find(location), this.#options).catch(missing)
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values())
    await Promise.all(opened.map(one => (one.status === 'fulfilled' ? one.value.close() : undefined)))
  }
}

async function read(
  name: string,
  tensor: PlacedTensor,
  { source, ...options }: ReadOptions & { source: RandomAccess },
): Promise<Tensor> {
  const { type, onnxType, elements } = tensor
  if (type === undefined || elements === undefined) {
    throw new UnsupportedError(
      `[${WHERE}] expected a tensor of numbers that Tersor has for ${quoted(name)}, got ${onnxType}; convert the tensor first`,
    )
  }
  const { dims, start, byteLength } = rowRange(name, tensor, options, WHERE)
  const { varints, runs } = elements
  const [run] = runs
  if (varints === undefined && runs.length === 1 && Number.isInteger(start) && Number.isInteger(byteLength))
    return new Tensor(type, await source.read(run!.start + start, byteLength, options.signal), dims)
  const bytes = await readRuns(source, elements, options.signal)
  const data = varints === undefined ? bytes : decodeVarints(bytes, { name, type, count: varints })
  const whole = new Tensor(type, data, rowRange(name, tensor, { flat: options.flat }, WHERE).dims)
  return options.rows === undefined ? whole : whole.rows(...options.rows)
}

async function readRuns(
  source: RandomAccess,
  { runs }: NonNullable<PlacedTensor['elements']>,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (runs.length === 1) return source.read(runs[0]!.start, runs[0]!.byteLength, signal)
  const bytes = allocate(runs.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const { start, byteLength } of runs) {
    bytes.set(await source.read(start, byteLength, signal), at)
    at += byteLength
  }
  return bytes
}
