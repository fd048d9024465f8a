import type { DType } from '@tersor/core-tensor'

/** A type of tensors in ONNX. */
export interface OnnxType {
  /** In small letters, otherwise as ONNX spells it: `float`, `bfloat16`, `uint4`, `float8e4m3fnuz`, … */
  readonly name: string
  /** Tersor's, which is stored alike; undefined where it has none. */
  readonly type: DType | undefined
  /** Of one element in `raw_data`; none of strings. */
  readonly bits: number | undefined
  /** The field for elements that holds them where `raw_data` does not. */
  readonly field: TypedField
}

/** A field of `TensorProto` with elements. */
export type TypedField = 'floatData' | 'int32Data' | 'stringData' | 'int64Data' | 'doubleData' | 'uint64Data'

/** By their numbers in `TensorProto.DataType`: name, Tersor's type, bits, field. */
const onnxTypes: Readonly<
  Record<number, readonly [string, DType | undefined, number | undefined, TypedField]>
> = {
  1: ['float', 'float32', 32, 'floatData'],
  2: ['uint8', 'uint8', 8, 'int32Data'],
  3: ['int8', 'int8', 8, 'int32Data'],
  4: ['uint16', 'uint16', 16, 'int32Data'],
  5: ['int16', 'int16', 16, 'int32Data'],
  6: ['int32', 'int32', 32, 'int32Data'],
  7: ['int64', 'int64', 64, 'int64Data'],
  8: ['string', undefined, undefined, 'stringData'],
  9: ['bool', 'bool', 8, 'int32Data'],
  10: ['float16', 'float16', 16, 'int32Data'],
  11: ['double', 'float64', 64, 'doubleData'],
  12: ['uint32', 'uint32', 32, 'uint64Data'],
  13: ['uint64', undefined, 64, 'uint64Data'],
  14: ['complex64', undefined, 64, 'floatData'],
  15: ['complex128', undefined, 128, 'doubleData'],
  16: ['bfloat16', 'bfloat16', 16, 'int32Data'],
  17: ['float8e4m3fn', 'float8e4m3fn', 8, 'int32Data'],
  18: ['float8e4m3fnuz', undefined, 8, 'int32Data'],
  19: ['float8e5m2', 'float8e5m2', 8, 'int32Data'],
  20: ['float8e5m2fnuz', undefined, 8, 'int32Data'],
  21: ['uint4', 'uint4', 4, 'int32Data'],
  22: ['int4', 'int4', 4, 'int32Data'],
  23: ['float4e2m1', undefined, 4, 'int32Data'],
  24: ['float8e8m0', undefined, 8, 'int32Data'],
  25: ['uint2', undefined, 2, 'int32Data'],
  26: ['int2', undefined, 2, 'int32Data'],
}

/** The type of a number; undefined where ONNX 1.20 has none. */
export function onnxType(number: number): OnnxType | undefined {
  const found = onnxTypes[number]
  if (found === undefined) return undefined
  const [name, type, bits, field] = found
  return { name, type, bits, field }
}
