import { bytesOf, type DType } from '@tersor/core-tensor'

/**
 * The dtypes of safetensors that Tersor has, in the order of the official serializer's
 * declaration: data is laid out from the last to the first, so that wide elements come first and
 * every tensor is aligned.
 */
export const safetensorsDTypes = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  F8_E5M2: 'float8e5m2',
  F8_E4M3: 'float8e4m3fn',
  I16: 'int16',
  U16: 'uint16',
  F16: 'float16',
  BF16: 'bfloat16',
  I32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  F64: 'float64',
  I64: 'int64',
} as const satisfies Record<string, DType>

/** Bits of what the official reader lists beside them, and Tersor has no dtype for. */
const otherBits: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  U64: 64,
  C64: 64,
}

/** The bytes of elements of a stored dtype; undefined for one that is not known, which may be of any size. */
export function storedBytes(stored: string, size: number): number | undefined {
  const type = fromSafetensorsDType(stored)
  if (type !== undefined) return bytesOf(type, size)
  return Object.hasOwn(otherBits, stored) ? (size * otherBits[stored]!) / 8 : undefined
}

export type SafetensorsDType = keyof typeof safetensorsDTypes

/** The dtype of a stored name, or undefined where Tersor has none, as for U64. */
export function fromSafetensorsDType(stored: string): DType | undefined {
  return Object.hasOwn(safetensorsDTypes, stored) ? safetensorsDTypes[stored as SafetensorsDType] : undefined
}

/** The stored name of a dtype; 4-bit integers, which safetensors lacks, are stored as their packed bytes. */
export function toSafetensorsDType(type: DType): SafetensorsDType {
  if (type === 'int4' || type === 'uint4') return 'U8'
  const names = Object.keys(safetensorsDTypes) as SafetensorsDType[]
  return names.find(name => safetensorsDTypes[name] === type)!
}
