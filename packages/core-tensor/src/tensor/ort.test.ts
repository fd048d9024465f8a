import { Tensor as OrtTensor } from 'onnxruntime-common'
import { describe, expect, it } from 'vitest'
import { DeviceError, DTypeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { remoteDevice } from '../testing/remote-device.ts'
import type { DType } from './dtype.ts'
import { fromOrt, toOrt } from './ort.ts'
import { Tensor } from './tensor.ts'

const shared: readonly DType[] = [
  'float64',
  'float32',
  'float16',
  'int64',
  'int32',
  'uint32',
  'int16',
  'uint16',
  'int8',
  'uint8',
  'int4',
  'uint4',
  'bool',
]

describe.each(shared)('%s', type => {
  const x = cast(new Tensor('float32', [1, 0, 1, 1, 0, 1], [2, 3]), type)

  it('goes to ONNX Runtime and back in the same memory', () => {
    const there = toOrt(x, OrtTensor as never) as OrtTensor
    expect([there.type, ...there.dims]).toEqual([type, 2, 3])
    const data = there.data as Uint8Array
    expect(data.buffer).toBe(x.data.buffer)
    const back = fromOrt(there as never)
    expect([back.type, ...back.dims]).toEqual([type, 2, 3])
    expect(back.data.buffer).toBe(x.data.buffer)
    expect(back.data).toEqual(x.data)
    new Uint8Array(data.buffer, data.byteOffset)[0] ^= 1
    expect(back.data).toEqual(x.data)
  })
})

describe('toOrt and fromOrt', () => {
  it('keep views views', () => {
    const x = new Tensor('float32', [1, 2, 3, 4], [2, 2])
    const there = toOrt(x.rows(1, 2), OrtTensor as never) as OrtTensor
    expect([...(there.data as Float32Array)]).toEqual([3, 4])
    ;(there.data as Float32Array)[0] = 30
    expect(x.data[2]).toBe(30)
  })

  it('refuse dtypes that the other side lacks, and remote tensors', () => {
    for (const type of ['bfloat16', 'float8e4m3fn', 'float8e5m2'] as const) {
      expect(() => toOrt(cast(new Tensor('float32', [1], [1]), type), OrtTensor as never)).toThrow(DTypeError)
    }
    expect(() => fromOrt(new OrtTensor(['a'], [1]) as never)).toThrow(DTypeError)
    expect(() => toOrt(remoteDevice().empty('float32', [1]), OrtTensor as never)).toThrow(DeviceError)
  })
})
