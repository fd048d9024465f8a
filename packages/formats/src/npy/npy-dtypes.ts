import type { DType } from '@tersor/core-tensor'

/** NumPy's names of the dtypes that it shares with Tersor, little-endian. */
export const npyDTypes: Readonly<Record<string, DType>> = {
  '<f8': 'float64',
  '<f4': 'float32',
  '<f2': 'float16',
  '<i8': 'int64',
  '<i4': 'int32',
  '<u4': 'uint32',
  '<i2': 'int16',
  '<u2': 'uint16',
  '|i1': 'int8',
  '|u1': 'uint8',
  '|b1': 'bool',
}
