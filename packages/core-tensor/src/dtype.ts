import { DTypeError } from './errors.ts'

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

/** Bits of one element in memory. */
export const dtypeBits: Readonly<Record<DType, number>> = {
  float64: 64,
  float32: 32,
  float16: 16,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e5m2: 8,
  int64: 64,
  int32: 32,
  uint32: 32,
  int16: 16,
  uint16: 16,
  int8: 8,
  uint8: 8,
  int4: 4,
  uint4: 4,
  bool: 8,
}

/** The typed array that holds a dtype: 16-bit floats in `Uint16Array`, 8-bit floats, 4-bit integers and bool in `Uint8Array`. */
export function hostArrayOf(type: DType): HostArrayConstructor {
  switch (type) {
    case 'float64':
      return Float64Array
    case 'float32':
      return Float32Array
    case 'int64':
      return BigInt64Array
    case 'int32':
      return Int32Array
    case 'uint32':
      return Uint32Array
    case 'int16':
      return Int16Array
    case 'float16':
    case 'bfloat16':
    case 'uint16':
      return Uint16Array
    case 'int8':
      return Int8Array
    default:
      return Uint8Array
  }
}

/** A view of bytes as the host array of a dtype, whatever typed array another library holds them in. */
export function hostView(type: DType, data: ArrayBufferView): HostArray {
  const HostArray = hostArrayOf(type)
  if (data instanceof HostArray) return data
  const aligned = data.byteOffset % HostArray.BYTES_PER_ELEMENT === 0
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const { buffer, byteOffset, byteLength } = aligned ? bytes : bytes.slice()
  return new HostArray(buffer, byteOffset, byteLength / HostArray.BYTES_PER_ELEMENT)
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
