import { DTypeError } from '../errors.ts'

/** Element types, named as in onnxruntime-common; 4-bit types are packed two to a byte, low nibble first. */
export type DType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e5m2'
  | 'int64'
  | 'int32'
  | 'uint32'
  | 'int16'
  | 'uint16'
  | 'int8'
  | 'uint8'
  | 'int4'
  | 'uint4'
  | 'bool'

/** The typed arrays that hold host tensors; float16, bfloat16 and float8 are held as their bits. */
export type HostArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

type HostArrayConstructor = {
  new (length: number): HostArray
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): HostArray
  readonly BYTES_PER_ELEMENT: number
}

/** 16-bit floats are held in `Uint16Array`; 8-bit floats, 4-bit integers and bool in `Uint8Array`. */
const hostArrays: Readonly<Record<DType, HostArrayConstructor>> = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float8e4m3fn: Uint8Array,
  float8e5m2: Uint8Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int4: Uint8Array,
  uint4: Uint8Array,
  bool: Uint8Array,
}

/** Bits of one element in memory. */
export const dtypeBits = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(hostArrays).map(([type, { BYTES_PER_ELEMENT }]) => [
    type,
    type.endsWith('int4') ? 4 : BYTES_PER_ELEMENT * 8,
  ]),
) as Readonly<Record<DType, number>>

/** The typed array that holds a dtype. */
export function hostArrayOf(type: DType): HostArrayConstructor {
  return hostArrays[type]
}

/** A view of bytes as the host array of a dtype, whatever typed array another library holds them in. */
export function hostView(type: DType, data: ArrayBufferView): HostArray {
  const HostArray = hostArrayOf(type)
  if (data instanceof HostArray) return data
  const aligned = data.byteOffset % HostArray.BYTES_PER_ELEMENT === 0
  const { buffer, byteOffset, byteLength } = aligned ? data : viewBytes(data).slice()
  return new HostArray(buffer, byteOffset, byteLength / HostArray.BYTES_PER_ELEMENT)
}

/** What a typed array shows, as bytes, without a copy. */
export function viewBytes({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Throws a {@link DTypeError} unless `type` is one of ours. */
export function checkDType(type: string, where: string): asserts type is DType {
  if (!Object.hasOwn(dtypeBits, type)) {
    throw new DTypeError(`[${where}] expected one of ${Object.keys(dtypeBits).join(', ')}, got '${type}'`)
  }
}

/** Bytes that `size` elements of a dtype take; an odd number of 4-bit elements fills its last byte with a zero nibble. */
export function bytesOf(type: DType, size: number): number {
  return Math.ceil((size * dtypeBits[type]) / 8)
}

export function isFloat(type: DType): boolean {
  return type.includes('float')
}
