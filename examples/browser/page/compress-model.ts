import {
  byteLength,
  decode,
  type Encoded,
  isEncoded,
  isFloat,
  sizeOf,
  type Tensor,
} from '@tersor/core-tensor'
import { WeightError } from '@tersor/eval'
import { isRouter, isTable, type ModelFile } from '@tersor/models'
import { rtn } from '@tersor/quantize'
import type { Compressed } from './messages.ts'
import { safetensorsInto } from './safetensors-into.ts'
import type { ScratchFile } from './scratch-file.ts'

/** What the weights lost, in decibels: Infinity where nothing was. */
export interface Loss {
  /** Of all weights as if they were one. */
  readonly snr: number
  readonly worst: { readonly name: string; readonly snr: number } | undefined
}

export interface CompressOptions {
  /** Of matrices; 16 leaves all as it is stored. */
  readonly bits: number
  readonly scratch: ScratchFile
  readonly signal: AbortSignal
  /** Stored bytes that were read, of how many, and tensors likewise. */
  onProgress(done: number, total: number, tensors: readonly [number, number]): void
}

/** Makes a file of safetensors out of a model, tensor by tensor: one is in memory at a time. */
export async function compressModel(
  file: ModelFile,
  { bits, scratch, signal, onProgress }: CompressOptions,
): Promise<Compressed> {
  const { names } = file
  const writer = safetensorsInto(scratch)
  const total = names.reduce((sum, name) => sum + file.info(name).byteLength, 0)
  const error = new WeightError()
  let [done, bytes, elements, worst] = [0, 0, 0, undefined as Loss['worst']]
  for (const [i, name] of names.entries()) {
    onProgress(done, total, [i, names.length])
    const weight = await file.load(name)
    signal.throwIfAborted()
    const original = isEncoded(weight) ? decode(weight) : weight
    const small = smaller(name, { weight, original }, bits)
    writer.write(file.storedName(name), small)
    const snr = addLoss(original, small, error)
    if (small !== weight && snr < (worst?.snr ?? Infinity)) worst = { name, snr }
    done += file.info(name).byteLength
    bytes += byteLength(small)
    elements += sizeOf(weight.dims)
  }
  onProgress(done, total, [names.length, names.length])
  const { configText: config } = file
  const written = await writer.finish({ format: 'pt', ...(config === undefined ? {} : { config }) })
  const weights = new File([written], 'model.safetensors')
  return {
    files: [weights, ...(await filesBeside(file))],
    originalBytes: file.fileBytes,
    fileBytes: weights.size,
    bitsPerWeight: { original: (8 * total) / elements, compressed: (8 * bytes) / elements },
    loss: { snr: error.snr, worst },
    where: scratch.where,
  }
}

/** Matrices in fewer bits where that makes them smaller; vectors stay, and what many tokens depend on keeps 8 bits. */
function smaller(
  name: string,
  { weight, original }: { weight: Tensor | Encoded; original: Tensor },
  bits: number,
): Tensor | Encoded {
  if (bits === 16 || weight.dims.length !== 2 || !isFloat(weight.type)) return weight
  const delicate = isTable(name) || name === 'head' || isRouter(name)
  const own = delicate ? 8 : bits
  const small = rtn(original, { bits: own, zero: 'float', range: own < 5 ? 'mse' : 'minMax' })
  return byteLength(small) < byteLength(weight) ? small : weight
}

/** Adds what a weight lost to what all did. @returns its own loss in decibels */
function addLoss(original: Tensor, small: Tensor | Encoded, all: WeightError): number {
  if (!isFloat(original.type)) return Infinity
  const own = new WeightError()
  for (const error of [all, own]) error.add(original, small)
  return own.snr
}

/** The configuration and the tokenizer, so that text becomes the same tokens. */
async function filesBeside(file: ModelFile): Promise<readonly File[]> {
  const beside = new Map<string, Uint8Array | string>(await file.companions())
  if (file.configText !== undefined) beside.set('config.json', file.configText)
  return Array.from(
    beside,
    ([name, bytes]) => new File([typeof bytes === 'string' ? bytes : Uint8Array.from(bytes)], name),
  )
}
