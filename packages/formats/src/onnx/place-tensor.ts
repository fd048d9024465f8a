import { FormatError } from '@tersor/core-tensor'
import { type SparseTensorProto, type TensorProto, TensorProto_DataLocation } from 'onnx-buf'
import { elementCount } from '../element-count.ts'
import { quoted } from '../quoted.ts'
import type { TensorInfo } from '../weight-file.ts'
import { externalData } from './external-data.ts'
import type { ListedTensor } from './list-tensors.ts'
import { type OnnxType, onnxType, type TypedField } from './onnx-types.ts'
import type { DataField, Run } from './skim-model.ts'

const WHERE = 'formats/onnx'

/** A varint of 64 bits. */
const MAX_VARINT_BYTES = 10

export interface OnnxInfo extends TensorInfo {
  /** In small letters, otherwise as ONNX spells it: `float`, `int64`, `float8e4m3fnuz`, `sparse float`, … */
  readonly onnxType: string
  /** The file that holds its elements, where that is not the model's own: a path from the model's folder on. */
  readonly location?: string | undefined
}

/** A tensor with its place. */
export type PlacedTensor = OnnxInfo & {
  /** Where its elements lie one after the other; where there are none, it cannot be read. */
  readonly elements?: Elements | undefined
}

interface Elements {
  /** How many whole numbers of varying length they are; undefined where they lie as in memory, little-endian. */
  readonly varints: number | undefined
  readonly runs: readonly Pick<Run, 'start' | 'byteLength'>[]
}

/**
 * What a file says of a tensor, checked.
 *
 * @throws {FormatError} when shape, type and elements contradict each other
 */
export function placeTensor(
  name: string,
  tensor: ListedTensor,
  runs: ReadonlyMap<TensorProto, readonly Run[]>,
): PlacedTensor {
  return tensor.$typeName === 'onnx.SparseTensorProto'
    ? placeSparse(name, tensor, runs)
    : placeDense(name, tensor, runs.get(tensor) ?? [])
}

/** Listed with what its values and their places take; it is not read. */
function placeSparse(
  name: string,
  { dims, values, indices }: SparseTensorProto,
  runs: ReadonlyMap<TensorProto, readonly Run[]>,
): PlacedTensor {
  if (values === undefined || indices === undefined)
    throw new FormatError(`[${WHERE}] expected values and indices of the sparse tensor ${quoted(name)}`)
  const [one, other] = [values, indices].map(part => placeDense(name, part, runs.get(part) ?? []))
  const shape = dims.map(Number)
  elementCount(shape, WHERE)
  return {
    ...{ type: undefined, onnxType: `sparse ${one!.onnxType}`, dims: Object.freeze(shape) },
    byteLength: one!.byteLength + other!.byteLength,
  }
}

function placeDense(name: string, tensor: TensorProto, runs: readonly Run[]): PlacedTensor {
  const dims = Object.freeze(tensor.dims.map(Number))
  const size = elementCount(dims, WHERE)
  const found = onnxType(tensor.dataType)
  const info = { type: found?.type, onnxType: found?.name ?? `type ${tensor.dataType}`, dims }
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const { location, start, byteLength } = externalData(name, tensor.externalData)
    const bytes = found?.bits === undefined ? undefined : plainBytes(found, size)
    if (bytes !== undefined && byteLength !== undefined && byteLength !== bytes)
      throw mismatch(name, info, `${bytes} bytes`, `${byteLength} in ${quoted(location)}`)
    const length = byteLength ?? bytes ?? 0
    return {
      ...{ ...info, location, byteLength: length },
      elements: { varints: undefined, runs: [{ start, byteLength: length }] },
    }
  }
  const held = heldIn(runs)
  const byteLength = held.runs.reduce((sum, run) => sum + run.byteLength, 0)
  if (found !== undefined) checkElements(name, found, { size, dims, byteLength, field: held.field })
  const isVarints = found !== undefined && held.field !== undefined && VARINTS.has(held.field)
  const varints = isVarints ? varintCount(found, size) : undefined
  return { ...info, byteLength, elements: { varints, runs: held.runs } }
}

const VARINTS: ReadonlySet<DataField> = /* @__PURE__ */ new Set(['int32Data', 'int64Data', 'uint64Data'])

/** The runs that count: raw data, of which the last is true, or those of the first field that has any. */
function heldIn(runs: readonly Run[]): { field?: DataField | undefined; runs: readonly Run[] } {
  const raw = runs.findLast(({ field, byteLength }) => field === 'rawData' && byteLength > 0)
  if (raw !== undefined) return { field: raw.field, runs: [raw] }
  const typed = runs.filter(({ field }) => field !== 'rawData')
  const field = typed[0]?.field
  return { field, runs: typed.filter(run => run.field === field) }
}

/** Bytes that elements take as they are. */
function plainBytes({ bits = 0 }: OnnxType, size: number): number {
  return Math.ceil((size * bits) / 8)
}

/** What is known of elements before they are read. */
interface Held {
  readonly size: number
  readonly dims: readonly number[]
  readonly byteLength: number
  readonly field: DataField | undefined
}

function checkElements(name: string, type: OnnxType, { size, dims, byteLength, field }: Held): void {
  const info = { onnxType: type.name, dims }
  if (type.bits === undefined) {
    if (field !== undefined && field !== type.field) throw mismatch(name, info, 'strings', field)
    return
  }
  if (field !== undefined && field !== 'rawData' && field !== type.field)
    throw mismatch(name, info, `${type.field} or raw data`, field satisfies TypedField)
  const bytes = plainBytes(type, size)
  if (field === undefined || !VARINTS.has(field)) {
    if (byteLength !== bytes) throw mismatch(name, info, `${bytes} bytes`, String(byteLength))
    return
  }
  const count = varintCount(type, size)
  if (byteLength < count || byteLength > count * MAX_VARINT_BYTES)
    throw mismatch(name, info, `${count} numbers`, `${byteLength} bytes`)
}

/** How many numbers hold the elements: several share one where they take less than a byte. */
function varintCount(type: OnnxType, size: number): number {
  return type.bits !== undefined && type.bits < 8 ? plainBytes(type, size) : size
}

function mismatch(
  name: string,
  { onnxType, dims }: Pick<OnnxInfo, 'onnxType' | 'dims'>,
  expected: string,
  got: string,
): FormatError {
  return new FormatError(
    `[${WHERE}] expected ${expected} for ${quoted(name)}, ${onnxType} [${dims.join(', ')}], got ${got}`,
  )
}
