import { bytesOf, type Encoding, FormatError, sizeOf } from '@tersor/core-tensor'
import {
  type GgufFile,
  type Llama2cFile,
  loadWeight,
  type NpzInfo,
  type QuantizedWeights,
  type ReadOptions,
  readsRows,
  type SafetensorsFile,
  type TensorInfo,
  type WeightFile,
  type WeightInfo,
  weightInfo,
  weightNames,
} from '@tersor/formats'
import type { OnnxFile } from '@tersor/formats/onnx'
import type { FileTensors } from './model-roles.ts'

/** Weights of safetensors, compressed as they are. */
export function safetensorsTensors(file: SafetensorsFile, kinds: readonly Encoding[]): FileTensors {
  const names = weightNames(file)
  const there = new Set(names)
  return {
    names,
    has: name => there.has(name),
    info: name => weightInfo(file, name),
    dims: name => weightInfo(file, name).dims,
    readsRows: name => readsRows(file, name, { kinds }),
    load: (name, rows) => loadWeight(file, name, { kinds, ...flatRows(rows) }),
  }
}

/** Tensors of a checkpoint that another program quantized: weights in their own bits, and the others as they are. */
export function quantizedTensors(plain: FileTensors, { weights, tensors }: QuantizedWeights): FileTensors {
  const names = [...weights.keys(), ...plain.names.filter(name => !tensors.has(name))]
  const there = new Set(names)
  return {
    names,
    has: name => there.has(name),
    dims: name => weights.get(name)?.dims ?? plain.dims(name),
    info(name): WeightInfo {
      const weight = weights.get(name)
      if (weight === undefined) return plain.info(name)
      const { dims, byteLength, layout } = weight
      return { type: 'float32', dims, byteLength, compressed: layout }
    },
    readsRows: name => !weights.has(name) && plain.readsRows(name),
    async load(name, rows) {
      return (await weights.get(name)?.load(rows)) ?? plain.load(name, rows)
    },
  }
}

/** Tensors of a GGUF. */
export function ggufTensors(file: GgufFile): FileTensors {
  const described = tensorsOf(file, ({ type, dims, byteLength, ggmlType }) => {
    // Blocks take less than what they decode to.
    const plain = type !== undefined && byteLength === bytesOf(type, sizeOf(dims))
    return { type, dims, byteLength, compressed: plain ? undefined : ggmlType }
  })
  return { ...described, load: (name, rows) => file.load(name, flatRows(rows)) }
}

/** Tensors of an ONNX model, of its nested graphs too. */
export function onnxTensors(file: OnnxFile): FileTensors {
  return tensorsOf(file, ({ onnxType, ...info }) => spelledAs(info, onnxType))
}

/** Arrays of a NumPy archive. */
export function npzTensors(file: WeightFile<NpzInfo>): FileTensors {
  return tensorsOf(file, ({ descr, ...info }) => spelledAs(info, descr))
}

/** Tensors of llama2.c, which have Hugging Face's names. */
export function llama2cTensors(file: Llama2cFile): FileTensors {
  return tensorsOf(file, info => info)
}

/** Tensors of a file that are read as they are, with rows of their own. */
function tensorsOf<Info extends TensorInfo>(
  file: WeightFile<Info>,
  describe: (info: Info) => WeightInfo,
): FileTensors {
  const infoOf = (name: string) => {
    const info = file.tensors.get(name)
    if (info === undefined)
      throw new FormatError(`[models/open-model] expected a tensor of the file, got '${name}'`)
    return info
  }
  return {
    names: [...file.tensors.keys()],
    has: name => file.tensors.has(name),
    dims: name => infoOf(name).dims,
    info: name => describe(infoOf(name)),
    readsRows: () => true,
    load: (name, rows) => file.read(name, flatRows(rows)),
  }
}

/** A type is spelled where Tersor has none of that name. */
function spelledAs({ type, dims, byteLength }: TensorInfo, spelled: string): WeightInfo {
  return { type, dims, byteLength, ...(type === undefined && { spelled }) }
}

/** Rows of a tensor seen as a matrix over its last dimension, elements of a vector. */
function flatRows(rows: readonly [from: number, to: number] | undefined): ReadOptions {
  return rows === undefined ? {} : { rows, flat: true }
}
